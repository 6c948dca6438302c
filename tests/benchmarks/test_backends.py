"""Cells on the workers of a Dask cluster, on loopback."""

import os
import re
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from distributed import LocalCluster

from compare import main
from comparison.backends import connect
from comparison.store import load

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ARGUMENTS = [
    "--datasets",
    "digits",
    "--models",
    "knn",
    "logistic",
    "forest",
    "--train-sizes",
    "100",
    "--backend",
    "dask",
]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(BENCHMARKS), "DASK_DISTRIBUTED__DIAGNOSTICS__NVML": "false"}


def check(folder):
    results = load(folder)
    assert {record["model"]: record["status"] for record in results.records} == dict.fromkeys(
        ("knn", "logistic", "forest"), "ok"
    )
    assert all((record["n_jobs"], record["threads"]) == (2, 1) for record in results.records)


@contextmanager
def dask(*arguments, until):
    """A command of Dask, as soon as it has written a line that matches; ended by its process id."""
    with subprocess.Popen(
        [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]],
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        try:
            for line in process.stdout:
                if found := re.search(until, line):
                    break
            else:
                raise AssertionError(f"{arguments} ended with {process.wait()}")
            yield found
        finally:
            process.terminate()
            process.stdout.read()


def test_local_cluster_of_processes(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(BENCHMARKS))
    with LocalCluster(2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster:
        assert main([*ARGUMENTS, "--scheduler", cluster.scheduler_address, "--output", str(tmp_path)]) == 0
    check(tmp_path)


def test_scheduler_and_workers_started_as_commands(tmp_path):
    with ExitStack() as stack:
        scheduler = ["dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show"]
        address = stack.enter_context(dask(*scheduler, until=r"Scheduler at:\s+(\S+)"))[1]
        for name in ("first", "second"):
            worker = ["dask_worker", address, "--nthreads", "1", "--no-dashboard", "--name", name]
            worker += ["--local-directory", str(tmp_path), "--host", "127.0.0.1"]
            stack.enter_context(dask(*worker, until=r"Registered to:"))
        command = [sys.executable, str(BENCHMARKS / "compare.py"), *ARGUMENTS, "--scheduler", address]
        run = subprocess.run(
            [*command, "--output", str(tmp_path / "results")], check=False, capture_output=True, text=True, timeout=200
        )
    assert run.returncode == 0, run.stderr
    check(tmp_path / "results")


def test_scheduler_that_is_not_there(capsys, tmp_path):
    with pytest.raises(SystemExit, match="2"):
        main([*ARGUMENTS, "--scheduler", "tcp://127.0.0.1:1", "--output", str(tmp_path)])
    assert "tcp://127.0.0.1:1" in capsys.readouterr().err


def test_workers_without_the_package_are_named():
    with (
        LocalCluster(1, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster,
        pytest.raises(ValueError, match=r"The workers tcp://.+ cannot import comparison: start them with"),
        connect(cluster.scheduler_address),
    ):
        pass


def test_no_workers():
    with (
        LocalCluster(0, dashboard_address=None, host="127.0.0.1") as cluster,
        pytest.raises(ValueError, match="No worker has joined"),
        connect(cluster.scheduler_address),
    ):
        pass
