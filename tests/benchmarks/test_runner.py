"""Cells in separate processes."""

import subprocess
import sys

import numpy as np
import pytest

from comparison import provenance, runner
from comparison.protocol import Cell, measure
from comparison.runner import Task, run, run_task

pytestmark = pytest.mark.slow


def test_parallel_processes_give_the_same_predictions():
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


def test_failure_is_recorded():
    _, record, arrays = run_task(Task(Cell("no such data", "forest"), None, 1))
    assert record["status"] == "failed"
    assert "KeyError: 'no such data'" in record["message"]
    assert record["dataset"] == "no such data"
    assert arrays == {}


def test_timeout_is_recorded():
    _, record, _ = run_task(Task(Cell("digits", "lenet"), None, 1, timeout=1))
    assert (record["status"], record["message"]) == ("timeout", "not finished after 1 s")


@pytest.mark.parametrize(
    ("code", "status", "message"),
    [
        ("import sys; sys.stderr.write('no room'); sys.exit(70)", "out of memory", "no room"),
        ("import os; os.kill(os.getpid(), 9)", "out of memory", "killed by signal 9"),
        ("import os; os.kill(os.getpid(), 11)", "failed", ""),
        ("raise ValueError('odd')", "failed", "ValueError: odd"),
    ],
)
def test_exit_of_the_process_gives_status_and_message(monkeypatch, tmp_path, code, status, message):
    script = tmp_path / "python"
    script.write_text(f"#!{sys.executable}\n{code}\n")
    script.chmod(0o755)
    monkeypatch.setattr(runner.sys, "executable", str(script))
    _, record, _ = run_task(Task(Cell("digits", "knn"), None, 1))
    assert record["status"] == status
    assert message in record["message"]


def test_memory_error_has_its_own_exit_code(monkeypatch, capsys):
    def fail(*arguments):
        raise MemoryError("Unable to allocate 9 TiB")

    monkeypatch.setattr(runner, "measure", fail)
    monkeypatch.setattr(runner, "_exit_with_parent", lambda: None)
    task = {"cell": {"dataset": "digits", "model": "knn"}, "data_home": None, "threads": 1}
    assert runner._main(task, "nowhere") == 70
    assert "Unable to allocate" in capsys.readouterr().err


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Create a repository with measured code and an unmeasured page, and return a function that runs Git in it."""

    def git(*arguments):
        identity = ["-c", "user.name=nobody", "-c", "user.email=nobody@localhost"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)  # noqa: S607

    (tmp_path / "sklenet").mkdir()
    (tmp_path / "benchmarks" / "comparison").mkdir(parents=True)
    (tmp_path / "sklenet" / "code.py").write_text("a = 1")
    (tmp_path / "page.md").write_text("old")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "First")
    monkeypatch.setattr(provenance, "_ROOT", tmp_path)
    provenance.git_revision.cache_clear()
    yield git
    provenance.git_revision.cache_clear()


def revision():
    provenance.git_revision.cache_clear()
    return provenance.git_revision()


def test_revision_changes_with_the_measured_code_only(repository, tmp_path):
    first = revision()
    assert len(first) == 12
    (tmp_path / "page.md").write_text("new")
    assert revision() == first
    repository("commit", "--quiet", "--all", "--message", "Change the page")
    assert revision() == first

    changed = set()
    for text in ("a = 2", "a = 3"):
        (tmp_path / "sklenet" / "code.py").write_text(text)
        changed.add(revision())
    assert len(changed) == 2  # two uncommitted states are two revisions
    assert all(one.startswith(f"{first}+") for one in changed)
    repository("commit", "--quiet", "--all", "--message", "Change the code")
    assert revision() not in {first, *changed}
    assert "+" not in revision()


def test_revision_is_empty_outside_a_repository(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "_ROOT", tmp_path)
    assert revision() == ""
    provenance.git_revision.cache_clear()


def test_no_tasks_give_no_records():
    assert list(run([])) == []
