"""Resuming a killed run."""

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from comparison.store import load

pytestmark = pytest.mark.slow

COMPARE = Path(__file__).parents[2] / "benchmarks" / "compare.py"
ARGUMENTS = ["--datasets", "digits", "--models", "knn", "logistic", "linear_svm", "forest", "svm"]
ARGUMENTS += ["--train-sizes", "50", "100", "--n-jobs", "2", "--threads", "1", "--output"]
N_CELLS = 10


def start(folder):
    return subprocess.Popen(
        [sys.executable, str(COMPARE), *ARGUMENTS, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def files(folder):
    return {path: path.read_bytes() for path in (folder / "records").glob("*.json")}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9")
def test_ten_kills_at_random_moments(tmp_path):
    moments = random.Random(0)
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    finished, orphans, n_resumed = {}, [], 0
    for _ in range(10):
        process = start(killed)
        while process.poll() is None and not psutil.Process(process.pid).children():
            time.sleep(0.02)
        n_expected = len(finished) + (moments.random() < 0.5)
        while process.poll() is None and len(files(killed)) < n_expected:
            time.sleep(0.02)
        time.sleep(moments.uniform(0, 3))
        if process.poll() is None:
            orphans += psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.communicate()
        # Finished records are unchanged, so no cell is measured twice.
        records = files(killed)
        assert records == records | finished
        n_resumed += len(finished) < len(records)
        finished = records
    assert n_resumed > 2
    assert psutil.wait_procs(orphans, timeout=30)[1] == []  # the processes of the cells exit with their parent

    for folder in (killed, whole):
        output, _ = start(folder).communicate(timeout=200)
        assert b"The report is" in output
    assert files(killed) == files(killed) | finished
    ours, theirs = load(killed), load(whole)
    assert len(ours.records) == len(theirs.records) == N_CELLS
    assert ours.unreadable == []
    for cell, predicted in theirs.predicted.items():
        np.testing.assert_array_equal(ours.predicted[cell], predicted)
        assert ours.calibration.get(cell) == theirs.calibration.get(cell)


def test_unreadable_record_is_measured_again(tmp_path):
    folder = tmp_path / "results"
    arguments = ["--datasets", "digits", "--models", "knn", "logistic", "--train-sizes", "50", "--output", str(folder)]
    command = [sys.executable, str(COMPARE), *arguments]
    subprocess.run(command, check=True, capture_output=True)
    before = files(folder)
    damaged, kept = sorted(before)
    damaged.write_bytes(before[damaged][:50])
    shutil.rmtree(folder / "figures")

    run = subprocess.run(command, check=True, capture_output=True, text=True)
    assert f"An unreadable cell is measured again: {damaged}: JSONDecodeError" in run.stderr
    assert run.stderr.count(": error ") == 1
    assert files(folder)[kept] == before[kept]
    assert len(load(folder).records) == 2
