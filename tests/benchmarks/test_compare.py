"""The command line, run as a user runs it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from compare import main

COMPARE = Path(__file__).parents[2] / "benchmarks" / "compare.py"


def command(*arguments):
    return [sys.executable, str(COMPARE), *map(str, arguments)]


@pytest.mark.parametrize("model", ["forest", "lenet"])
def test_end_to_end(tmp_path, model):
    output = tmp_path / "new" / "folder"
    arguments = ["--datasets", "digits", "--models", model, "--train-size", 200, "--output", output]

    run = subprocess.run(command(*arguments), check=False, cwd=tmp_path, capture_output=True, text=True, timeout=200)

    assert run.returncode == 0, run.stderr
    (row,) = pd.read_csv(output / "results.csv").to_dict("records")
    assert (row["dataset"], row["model"], row["seed"]) == ("digits", model, 0)
    assert (row["n_train"], row["n_test"]) == (200, 450)
    assert 0 < row["error_rate"] < 0.15
    assert row["fit_seconds"] > 0
    assert row["predict_seconds"] > 0
    assert row["peak_memory_mib"] >= row["start_memory_mib"] > 50
    assert row["n_parameters"] > 1000
    assert (output / "table.md").read_text() in run.stdout
    assert f"| {100 * row['error_rate']:.2f} " in run.stdout
    assert f"{model} on digits, seed 0: error" in run.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_interrupt_keeps_what_is_finished(tmp_path):
    arguments = ["--datasets", "digits", "--models", "forest", "--seeds", 100, "--output", tmp_path]
    with subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for(tmp_path / "results.csv")
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "Traceback" not in errors
    rows = pd.read_csv(tmp_path / "results.csv")
    assert f"{len(rows)} of 100 are finished" in errors
    assert "Random forest" in output


def wait_for(path):
    deadline = time.monotonic() + 100
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} has not come"
        time.sleep(0.05)


def test_failed_cell_is_reported_and_the_others_go_on(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    # The parent knows a model that the cells' own processes do not.
    monkeypatch.setitem(main.__globals__["MODELS"], "broken", main.__globals__["MODELS"]["forest"])

    assert main(["--datasets", "digits", "--models", "broken", "forest", "--train-size", "100"]) == 1

    output, errors = capsys.readouterr()
    assert "broken on digits, seed 0 failed" in errors
    assert "KeyError" in errors
    assert "Random forest" in output
    assert len(pd.read_csv("comparison-results/results.csv")) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--models", "forrest"], "unknown model 'forrest'; did you mean 'forest'? choose from lenet, svm, forest"),
        (["--datasets", "minst"], "unknown data set 'minst'; did you mean 'mnist'?"),
        (["--datasets", "x"], "unknown data set 'x'; choose from digits,"),
        (["--seeds", "0"], "'0' is not a whole number from 1 up"),
        (["--train-size", "-5"], "'-5' is not a whole number"),
        (["--train-size", "1e3"], "'1e3' is not a whole number"),
        (["--train-size", "2000"], "train size of 2000 does not suit digits: choose one from 50 to 1347"),
        (["--train-size", "49"], "train size of 49 does not suit digits"),
        (["--n-jobs", "0"], "n_jobs == 0"),
        (["--output", os.devnull], "File exists"),
    ],
)
def test_bad_arguments_end_in_one_sentence(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SKLENET_DATA", raising=False)
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    message = capsys.readouterr().err.splitlines()[-1]
    assert words in message.replace(str(tmp_path) + "/", "")
    assert list(tmp_path.iterdir()) == []


def test_data_set_that_cannot_be_had_is_said_before_the_work(tmp_path, publish, server, capsys):
    publish("mnist", urls=(server.url("missing"),))
    with pytest.raises(SystemExit, match="2"):
        main(["--datasets", "digits", "mnist", "--data-home", str(tmp_path), "--output", str(tmp_path / "output")])
    message = capsys.readouterr().err
    assert "The data set 'mnist' lacks train-images-idx3-ubyte.gz" in message
    assert f"{server.url('missing')}train-images-idx3-ubyte.gz: HTTPError: 404" in message
    assert not (tmp_path / "output").exists()
