"""Cells in processes of their own."""

import sys

import numpy as np
import pytest

from comparison import runner
from comparison.protocol import Cell, measure
from comparison.runner import Task, run, run_task


def test_processes_side_by_side_give_what_one_alone_gives():
    cells = [Cell("digits", "forest", train_size=100, seed=seed) for seed in (0, 1)]
    outcomes = {task.cell: (record, arrays) for task, record, arrays in run([Task(cell, None, 1, 2) for cell in cells])}
    for cell in cells:
        record, arrays = outcomes[cell]
        _, expected = measure(cell, None, 1)
        assert record["status"] == "ok"
        assert (record["n_jobs"], record["threads"]) == (2, 1)
        assert record["cpu"]
        assert record["torch"]
        assert "git_revision" in record
        for name in ("labels", "proba"):
            np.testing.assert_array_equal(arrays[name], expected[name])


def test_failure_is_a_record():
    _, record, arrays = run_task(Task(Cell("no such data", "forest"), None, 1))
    assert record["status"] == "failed"
    assert "KeyError: 'no such data'" in record["message"]
    assert record["dataset"] == "no such data"
    assert arrays == {}


def test_timeout_is_a_record():
    _, record, _ = run_task(Task(Cell("digits", "lenet"), None, 1, timeout=1))
    assert (record["status"], record["message"]) == ("timeout", "not finished after 1 s")


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("import sys; sys.stderr.write('no room'); sys.exit(70)", "out of memory", "no room"),
        ("import os; os.kill(os.getpid(), 9)", "out of memory", "killed by signal 9"),
        ("import os; os.kill(os.getpid(), 11)", "failed", ""),
        ("raise ValueError('odd')", "failed", "ValueError: odd"),
    ],
)
def test_ends_of_a_process(monkeypatch, tmp_path, code, status, words):
    script = tmp_path / "python"
    script.write_text(f"#!{sys.executable}\n{code}\n")
    script.chmod(0o755)
    monkeypatch.setattr(runner.sys, "executable", str(script))
    _, record, _ = run_task(Task(Cell("digits", "knn"), None, 1))
    assert record["status"] == status
    assert words in record["message"]


def test_memory_error_has_an_exit_code_of_its_own(monkeypatch, capsys):
    def fail(*arguments):
        raise MemoryError("Unable to allocate 9 TiB")

    monkeypatch.setattr(runner, "measure", fail)
    monkeypatch.setattr(runner, "_end_with_parent", lambda: None)
    task = {"cell": {"dataset": "digits", "model": "knn"}, "data_home": None, "threads": 1}
    assert runner._main(task, "nowhere") == 70
    assert "Unable to allocate" in capsys.readouterr().err


def test_nothing_to_do():
    assert list(run([])) == []
