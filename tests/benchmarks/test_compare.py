"""The command line."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from compare import main
from comparison.models import MODELS
from comparison.store import Store, load

pytestmark = pytest.mark.slow

COMPARE = Path(__file__).parents[2] / "benchmarks" / "compare.py"


def command(*arguments):
    return [sys.executable, str(COMPARE), *map(str, arguments)]


@pytest.mark.parametrize("model", ["forest", "lenet"])
def test_end_to_end(tmp_path, model):
    output = tmp_path / "new" / "folder"
    arguments = ["--datasets", "digits", "--models", model, "--train-sizes", 100, 200, "--output", output]

    run = subprocess.run(command(*arguments), check=False, cwd=tmp_path, capture_output=True, text=True, timeout=200)

    assert run.returncode == 0, run.stderr
    results = load(output)
    assert [record["n_train"] for record in results.records] == [100, 200]
    assert all(0 < record["error_rate"] < 0.25 for record in results.records)
    assert f"digits-200-{model}-default-seed0: error" in run.stderr
    assert f"| {100 * results.records[1]['error_rate']:.2f} %" in run.stdout
    assert f"The report is {output}/report.html." in run.stdout
    assert (output / "report.html").stat().st_size > 10_000

    # The report of the results on disk is the same.
    copy = tmp_path / "copy"
    report = subprocess.run(command("report", output, "--output", copy), check=True, capture_output=True)
    assert b"The report is" in report.stdout
    assert (copy / "report.html").read_bytes() == (output / "report.html").read_bytes()

    # The same command measures no cell again.
    run = subprocess.run(command(*arguments), check=True, cwd=tmp_path, capture_output=True, text=True)
    assert ": error" not in run.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_interrupt_keeps_the_finished_cells(tmp_path, interruptible_children):
    arguments = ["--datasets", "digits", "--models", "forest", "--seeds", 100, "--output", tmp_path]
    with subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for(tmp_path / "records", "*.json")
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "Stopped. The same command resumes the run." in errors
    assert "random forest" in output
    assert 0 < len(load(tmp_path).records) < 100


@pytest.fixture
def interruptible_children():
    """Let child processes receive SIGINT, which background jobs of a shell and their children ignore."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


def wait_for(folder, pattern):
    deadline = time.monotonic() + 100
    while not list(folder.glob(pattern)):
        assert time.monotonic() < deadline, f"{folder}/{pattern} was not written"
        time.sleep(0.05)


def test_failed_cell_is_recorded_and_the_other_cells_are_measured(tmp_path, monkeypatch, capsys):
    # The model exists in the parent process only, not in the processes of the cells.
    monkeypatch.setitem(MODELS, "broken", MODELS["forest"])
    arguments = ["--datasets", "digits", "--models", "broken", "knn", "--train-sizes", "100", "--output", str(tmp_path)]

    assert main(arguments) == 1
    output, errors = capsys.readouterr()
    assert "digits-100-broken-default-seed0: failed" in errors
    assert "KeyError" in errors
    assert "k nearest neighbours" in output
    assert "digits-100-broken-default-seed0" in (tmp_path / "report.html").read_text()

    assert main(arguments) == 1  # the failed cell is not measured again
    assert "failed" not in capsys.readouterr().err
    assert main([*arguments, "--retry"]) == 1  # --retry measures it again
    assert "digits-100-broken-default-seed0: failed" in capsys.readouterr().err


def test_cells_with_too_many_training_images_are_left_out(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(MODELS, "knn", replace(MODELS["knn"], max_train=100))
    arguments = ["--datasets", "digits", "--models", "knn", "logistic", "--output", str(tmp_path), "--train-sizes"]
    assert main([*arguments, "100", "all"]) == 0
    assert "because of their many training images: digits-all-knn-default-seed0\n" in capsys.readouterr().err
    assert len(load(tmp_path).records) == 3
    with pytest.raises(SystemExit, match="2"):
        main(["--datasets", "digits", "--models", "knn", "--train-sizes", "101", "--output", str(tmp_path)])
    assert "All cells have more training images than" in capsys.readouterr().err


def test_folder_with_a_classifier_that_is_not_in_the_table_is_refused(tmp_path, monkeypatch, capsys):
    arguments = ["--datasets", "digits", "--models", "knn", "--train-sizes", "50", "--output", str(tmp_path)]
    assert main(arguments) == 0
    monkeypatch.delitem(MODELS, "knn")
    for command in (["--datasets", "digits", "--models", "logistic", *arguments[4:]], ["report", str(tmp_path)]):
        capsys.readouterr()
        with pytest.raises(SystemExit, match="2"):
            main(command)
        assert f"{tmp_path} has results of classifiers that are not in the table: knn." in capsys.readouterr().err


def test_cross_validation(tmp_path):
    arguments = ["--datasets", "digits", "--models", "knn", "logistic", "--cv", "3", "--output", str(tmp_path)]
    assert main(arguments) == 0
    assert len(load(tmp_path).records) == 6
    assert "k nearest neighbours" in (tmp_path / "report.md").read_text()


def test_image_folder(tmp_path):
    rng = np.random.default_rng(0)
    for name, stripes in ("across", (slice(None, None, 4), slice(None))), ("down", (slice(None), slice(None, None, 4))):
        (tmp_path / "letters" / name).mkdir(parents=True)
        for number in range(20):
            image = rng.integers(0, 60, (28, 28), np.uint8)
            image[stripes] = 250
            PIL.Image.fromarray(image).save(tmp_path / "letters" / name / f"{number}.png")
    arguments = ["--image-folder", tmp_path / "letters", "--models", "knn", "lenet", "--output", tmp_path / "results"]
    run = subprocess.run(command(*arguments), check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    results = load(tmp_path / "results")
    assert results.records[0]["classes"] == ["across", "down"]
    assert [record["error_rate"] for record in results.records] == [0, 0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--models", "forrest"], "unknown model 'forrest'; did you mean 'forest'? choose from lenet, lenet_plain,"),
        (["--datasets", "minst"], "unknown data set 'minst'; did you mean 'mnist'?"),
        (["--datasets", "?"], "unknown data set '?'; choose from digits,"),
        (["--seeds", "0"], "'0' is not an integer of at least 1"),
        (["--cv", "1"], "'1' is not an integer of at least 2"),
        (["--cv", "3"], "--cv does not apply to mnist_sample, characters: official test images are not for training"),
        (["--train-sizes", "-5"], "'-5' is not an integer"),
        (["--train-sizes", "1e3"], "'1e3' is not an integer"),
        (["--datasets", "digits", "--train-sizes", "2000"], "2000 is outside the range of digits, from 20 to 1347."),
        (["--datasets", "digits", "--train-sizes", "19"], "19 is outside the range of digits, from 20 to 1347."),
        (["--n-jobs", "0"], "n_jobs == 0"),
        (["--output", os.devnull], os.devnull),
        (["--backend", "dask"], "--backend dask and --scheduler ADDRESS go together"),
        (["--profile", "full", "--train-sizes", "7"], "The full profile has no such cells"),
        (["--image-folder", "nowhere"], "nowhere"),
        (["report", "nowhere"], "nowhere has no results"),
    ],
)
def test_invalid_arguments_exit_with_a_message(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SKLENET_DATA", raising=False)
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    last_line = capsys.readouterr().err.splitlines()[-1]
    assert message in last_line.replace(str(tmp_path) + "/", "")
    assert list(tmp_path.rglob("*.json")) == []


def test_second_run_in_a_folder_is_refused(tmp_path, capsys):
    with Store(tmp_path).lock(), pytest.raises(SystemExit, match="2"):
        main(["--datasets", "digits", "--models", "knn", "--output", str(tmp_path)])
    assert f"{tmp_path} is locked by process {os.getpid()} on" in capsys.readouterr().err


def test_folder_with_other_settings_is_refused(tmp_path, monkeypatch, capsys):
    arguments = ["--datasets", "digits", "--models", "knn", "--train-sizes", "50", "--output", str(tmp_path)]
    assert main(arguments) == 0
    monkeypatch.setattr("comparison.protocol.N_TUNE", 7)
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    message = capsys.readouterr().err.splitlines()[-1]
    assert f"{tmp_path} has results with other settings (digits-50-knn-default-seed0): tuning is '6 cand" in message
    assert "at most 7 training images' here" in message


def test_resuming_with_other_threads_is_reported_and_marked(tmp_path, capsys):
    arguments = ["--datasets", "digits", "--train-sizes", "50", "--output", str(tmp_path), "--models", "knn"]
    assert main([*arguments, "--threads", "1"]) == 0
    assert "other circumstances" not in capsys.readouterr().err
    assert main([*arguments, "logistic", "--threads", "2"]) == 0
    message = f"{tmp_path} has 1 of 1 records with other circumstances: threads is 1 there and 2 here. Their times"
    assert message in capsys.readouterr().err
    assert "- run: B; cpu: " in (tmp_path / "report.md").read_text()
    assert main([*arguments, "--threads", "2"]) == 0  # no cell is missing, so no message is needed
    assert "other circumstances" not in capsys.readouterr().err


def test_unavailable_data_set_is_an_error_before_the_measurement(tmp_path, publish, server, capsys):
    publish("mnist", urls=(server.url("missing"),))
    with pytest.raises(SystemExit, match="2"):
        main(["--datasets", "digits", "mnist", "--data-home", str(tmp_path), "--output", str(tmp_path / "output")])
    message = capsys.readouterr().err
    assert "The data set 'mnist' lacks train-images-idx3-ubyte.gz" in message
    assert f"{server.url('missing')}train-images-idx3-ubyte.gz: HTTPError: 404" in message
    assert not (tmp_path / "output").exists()
