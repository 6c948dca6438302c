"""Cells on the workers of a Dask cluster, on loopback."""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from distributed import LocalCluster

from compare import main
from comparison.backends import connect
from comparison.store import load
from servers import SCHEDULER, WORKER, dask

pytestmark = pytest.mark.slow

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ARGUMENTS = ["--datasets", "digits", "--models", "knn", "logistic", "forest", "--train-sizes", "100"]
ARGUMENTS += ["--backend", "dask"]


def check(folder):
    results = load(folder)
    assert {record["model"]: record["status"] for record in results.records} == dict.fromkeys(
        ("knn", "logistic", "forest"), "ok"
    )
    assert all((record["n_jobs"], record["threads"]) == (2, 1) for record in results.records)


# joblib 1.5 warns of its own backend.
@pytest.mark.filterwarnings("ignore:`apply_async` is deprecated:DeprecationWarning")
def test_local_cluster_of_processes(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(BENCHMARKS))
    with LocalCluster(2, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1") as cluster:
        assert main([*ARGUMENTS, "--scheduler", cluster.scheduler_address, "--output", str(tmp_path)]) == 0
    check(tmp_path)


def test_scheduler_and_workers_started_as_commands(tmp_path):
    with ExitStack() as stack:
        address = stack.enter_context(dask(*SCHEDULER, until=r"Scheduler at:\s+(\S+)", path=str(BENCHMARKS)))[1]
        for name in ("first", "second"):
            worker = ["dask_worker", address, *WORKER, str(tmp_path), "--name", name]
            stack.enter_context(dask(*worker, until=r"Registered to:", path=str(BENCHMARKS)))
        command = [sys.executable, str(BENCHMARKS / "compare.py"), *ARGUMENTS, "--scheduler", address]
        run = subprocess.run(
            [*command, "--output", str(tmp_path / "results")], check=False, capture_output=True, text=True, timeout=200
        )
    assert run.returncode == 0, run.stderr
    check(tmp_path / "results")


def test_missing_scheduler_is_an_error(capsys, tmp_path):
    with pytest.raises(SystemExit, match="2"):
        main([*ARGUMENTS, "--scheduler", "tcp://127.0.0.1:1", "--output", str(tmp_path)])
    assert "tcp://127.0.0.1:1" in capsys.readouterr().err


def test_missing_and_incapable_workers_are_errors(tmp_path):
    with ExitStack() as stack:
        address = stack.enter_context(dask(*SCHEDULER, until=r"Scheduler at:\s+(\S+)", path=str(BENCHMARKS)))[1]
        with pytest.raises(ValueError, match=f"No worker has joined the scheduler at {address}"), connect(address):
            pass
        stack.enter_context(dask("dask_worker", address, *WORKER, str(tmp_path), until=r"Registered to:"))
        message = r"The workers tcp://127.+ cannot import comparison\. Start them with"
        with pytest.raises(ValueError, match=message), connect(address):
            pass
