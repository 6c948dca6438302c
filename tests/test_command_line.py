"""The command line: from folders of pictures to answers, and errors in one sentence."""

import io
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import sklenet
from sklenet import LeNetClassifier
from sklenet.__main__ import main
from sklenet._commands import evaluate, export, fit
from sklenet.datasets import load_image_folder, load_mnist_sample


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder of 300 digits, dark on light, in a folder for each class."""
    path = tmp_path_factory.mktemp("digits")
    X, y = load_mnist_sample(subset="train", return_X_y=True)
    for index in range(300):
        path.joinpath(str(y[index])).mkdir(exist_ok=True)
        Image.fromarray(255 - X[index].reshape(28, 28)).resize((90, 90)).save(path / str(y[index]) / f"{index}.png")
    return path


@pytest.fixture(scope="module")
def model(folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "digits.safetensors"
    assert main(["fit", str(folder), str(path), "--param", "random_state=0", "--param", "max_epochs=15"]) == 0
    return path


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """Return a picture of three digits in a line, and their labels."""
    X, y = load_mnist_sample(subset="train", return_X_y=True)
    paper = np.full((80, 260), 235, np.uint8)
    for column, digit in enumerate(X[:3].reshape(-1, 28, 28)):
        paper[26:54, 30 + 70 * column : 58 + 70 * column] -= digit // 2 + digit // 4
    path = tmp_path_factory.mktemp("lines") / "line.png"
    Image.fromarray(paper).save(path)
    return path, y[:3].astype(str)


def run(capsys, *arguments):
    """Return what a command that ends well prints."""
    assert main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def refuse(capsys, *arguments):
    """Return the sentence of a command that ends in an error, and check that nothing else is printed."""
    assert main([str(argument) for argument in arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err


@pytest.mark.slow
def test_fit_saves_the_model_of_framed_pictures(folder, model):
    loaded = LeNetClassifier.load(model)
    assert loaded.verbose == 0
    X, y = load_image_folder(folder, frame=True, return_X_y=True)
    expected = LeNetClassifier(random_state=0, max_epochs=15).fit(X, y)
    np.testing.assert_array_equal(loaded.predict_proba(X), expected.predict_proba(X))


@pytest.mark.slow
def test_fit_reads_what_was_held_out(folder, tmp_path, capsys):
    path = tmp_path / "model.safetensors"
    printed = run(
        capsys, "fit", folder, path, "--hold-out", "0.2", "--image-shape", "32", "32", "--param", "max_epochs=15"
    )
    assert f"{path}: 10 classes, trained on 240 pictures\n" in printed
    assert "of 60 pictures that were held out" in printed
    assert LeNetClassifier.load(path).image_shape_ == (32, 32)


@pytest.mark.parametrize("form", ["csv", "json"])
def test_predict_prints_a_row_for_each_picture(folder, model, form, capsys):
    pictures = sorted(folder.rglob("*.png"))[::30]
    printed = run(capsys, "predict", model, *pictures, "--probabilities", "--format", form)
    table = pd.read_csv(io.StringIO(printed)) if form == "csv" else pd.DataFrame(json.loads(printed))
    assert table["picture"].tolist() == [str(path) for path in pictures]
    labels = np.array([path.parent.name for path in pictures])
    assert (table["label"].astype(str) == labels).mean() >= 0.8
    shares = table[[f"probability_{digit}" for digit in range(10)]]
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-4)
    np.testing.assert_allclose(shares.max(axis=1), table["probability"], atol=1e-6)


def test_predict_finds_the_characters_of_a_page(model, line, capsys):
    path, labels = line
    table = pd.read_csv(io.StringIO(run(capsys, "predict", model, path, "--page")), dtype={"label": str})
    assert table["label"].tolist() == labels.tolist()
    assert table["line"].tolist() == [1, 1, 1]
    assert table["left"].is_monotonic_increasing


def test_a_page_without_characters_has_no_rows(model, tmp_path, capsys):
    path = tmp_path / "blank.png"
    Image.new("L", (80, 60), 255).save(path)
    assert run(capsys, "predict", model, path, "--page").splitlines() == [
        "picture,line,left,top,right,bottom,label,probability"
    ]
    assert json.loads(run(capsys, "predict", model, path, "--page", "--format", "json")) == []


@pytest.mark.slow
def test_evaluate_counts_what_is_read_right(folder, model, capsys):
    printed = run(capsys, "evaluate", model, folder)
    X, y = load_image_folder(folder, frame=True, return_X_y=True)
    assert f"right: {LeNetClassifier.load(model).score(X, y):.2%} of 300 pictures" in printed
    assert "precision" in printed


@pytest.mark.slow
def test_evaluate_takes_folders_for_numbers(folder, tmp_path, capsys):
    X, y = load_image_folder(folder, frame=True, return_X_y=True)
    path = tmp_path / "two.safetensors"
    of_two = np.isin(y, ["0", "1"])
    LeNetClassifier(random_state=0, max_epochs=15).fit(X[of_two], y[of_two].astype(int)).save(path)
    few = tmp_path / "few"
    few.mkdir()
    for digit in "01":
        few.joinpath(digit).symlink_to(folder / digit)
    assert "right: 100.00%" in run(capsys, "evaluate", path, few)
    assert "does not know: 2, 3" in refuse(capsys, "evaluate", path, folder)


@pytest.mark.parametrize("suffix", ["onnx", "html"])
def test_export_writes_a_file(model, suffix, tmp_path, capsys):
    path = tmp_path / f"model.{suffix}"
    printed = run(capsys, "export", model, path)
    assert printed == f"{path}: {path.stat().st_size / 1000:,.0f} kB\n"
    run(capsys, "export", model, path, "--dtype", "float32")


class Reader:
    """A classifier that reads each picture of a label as the next label, but for the first pictures."""

    def __init__(self, verbose=0):
        self.verbose = verbose
        self.image_shape_, self.classes_, self.n_right = (8, 12), np.arange(12), 0

    def set_params(self, **params):
        vars(self).update(params)
        return self

    def fit(self, X, y):
        self.n_fitted, self.verbose_in_fit, self.classes_ = len(X), self.verbose, np.unique(y)
        return self

    def predict(self, X):
        labels = X[:, 0].astype(int)
        return np.where(np.arange(len(X)) < self.n_right, labels, (labels + 1) % 12)

    def score(self, X, y):
        return len(X) / 1000

    def save(self, path):
        Reader.saved = path, self


@pytest.fixture
def pictures(monkeypatch):
    """Replace classifiers by a reader, and folders by two pictures of each of twelve labels."""
    reader, asked, labels = Reader(), [], np.tile(np.arange(12), 2)

    def load(folder, **options):
        asked.append((folder, options))
        return np.repeat(labels[:, None], 96, axis=1), labels.astype(str)

    monkeypatch.setattr("sklenet._commands.LeNetClassifier", Reader)
    monkeypatch.setattr(Reader, "load", lambda path: reader, raising=False)
    monkeypatch.setattr("sklenet._commands.load_image_folder", load)
    return reader, asked


def test_evaluation_lists_the_ten_pairs_that_are_confused_most(pictures, tmp_path):
    reader, asked = pictures
    reader.n_right = 3
    text = evaluate(tmp_path / "model", tmp_path)
    assert text.startswith("right: 12.50% of 24 pictures\n\n")
    assert asked == [(tmp_path, {"image_shape": (8, 12), "frame": True, "return_X_y": True})]
    _, confusions = text.split("most confused:\n")
    assert len(confusions.splitlines()) == 1 + 10
    reader.n_right = 24
    assert evaluate(tmp_path / "model", tmp_path).startswith("right: 100.00% of 24 pictures\n\n")
    assert "most confused" not in evaluate(tmp_path / "model", tmp_path)
    reader.classes_ = np.arange(10)
    with pytest.raises(ValueError, match=f"{tmp_path} has classes that the model does not know: 10, 11"):
        evaluate(tmp_path / "model", tmp_path)


@pytest.mark.parametrize(("hold_out", "n_fitted"), [(None, 24), (0.5, 12)])
def test_fit_trains_on_what_is_not_held_out(pictures, tmp_path, hold_out, n_fitted):
    _, asked = pictures
    text = fit(tmp_path, tmp_path / "model", [8, 12], hold_out, [("lr", 0.5)])
    path, classifier = Reader.saved
    assert path == tmp_path / "model"
    assert (classifier.n_fitted, classifier.lr, classifier.verbose_in_fit, classifier.verbose) == (n_fitted, 0.5, 1, 0)
    assert asked == [(tmp_path, {"image_shape": (8, 12), "frame": True, "return_X_y": True})]
    lines = [f"{path}: 12 classes, trained on {n_fitted} pictures"]
    lines += [] if hold_out is None else ["right: 1.2% of 12 pictures that were held out"]
    assert text.splitlines() == lines


@pytest.mark.parametrize(("n_bytes", "size"), [(1_499, "1"), (1_501, "2"), (999_600, "1,000"), (2_000_000, "2,000")])
def test_sizes_are_in_thousands_of_bytes(n_bytes, size, tmp_path, monkeypatch):
    monkeypatch.setattr(LeNetClassifier, "load", lambda path: None)
    monkeypatch.setattr("sklenet._commands.to_html", lambda model, path: path.write_bytes(bytes(n_bytes)))
    assert export(tmp_path / "model", tmp_path / "page.html", None) == f"{tmp_path / 'page.html'}: {size} kB\n"


@pytest.mark.slow
def test_errors_are_one_sentence(folder, model, line, tmp_path, capsys):
    no_picture = tmp_path / "no.png"
    no_picture.write_bytes(b"no picture")
    output = tmp_path / "output.safetensors"
    assert str(no_picture) in refuse(capsys, "predict", model, no_picture)
    assert "absent.png" in refuse(capsys, "predict", model, tmp_path / "absent.png")
    assert "absent.safetensors" in refuse(capsys, "predict", tmp_path / "absent.safetensors", line[0])
    assert str(no_picture) in refuse(capsys, "predict", no_picture, line[0])
    assert "absent" in refuse(capsys, "fit", tmp_path / "absent", output)
    assert "max_epochs" in refuse(capsys, "fit", folder, output, "--param", "max_epoch=3")
    assert "'lr' parameter" in refuse(capsys, "fit", folder, output, "--param", "lr=fast")
    assert "test_size" in refuse(capsys, "fit", folder, output, "--hold-out", "1.5")
    assert ".onnx or .html" in refuse(capsys, "export", model, tmp_path / "model.pt")
    assert not output.exists()


@pytest.mark.parametrize("arguments", [[], ["predict"], ["train", "x"], ["fit", "a", "b", "--param", "lr"]])
def test_wrong_arguments_end_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == 2
    assert "usage: python -m sklenet" in capsys.readouterr().err


@pytest.mark.slow
def test_ctrl_c_ends_with_130(folder, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(LeNetClassifier, "fit", interrupt)
    assert main(["fit", str(folder), str(tmp_path / "model.safetensors")]) == 130
    assert list(tmp_path.iterdir()) == []


def test_fit_finds_a_missing_folder_before_the_training(folder, tmp_path, monkeypatch, capsys):
    def refuse_to_train(*_, **__):
        raise AssertionError("trained")

    monkeypatch.setattr(LeNetClassifier, "fit", refuse_to_train)
    assert "no such folder" in refuse(capsys, "fit", folder, tmp_path / "missing" / "model.safetensors")


def test_data_sets_are_listed(capsys):
    assert "kmnist" in run(capsys, "datasets")


def test_help_does_not_import_torch():
    code = """
import sys
from sklenet.__main__ import main
try:
    main(["predict", "--help"])
finally:
    assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "PICTURE" in done.stdout


@pytest.mark.slow
def test_a_process_prints_answers_and_warnings_as_sentences(model, line, tmp_path):
    blank = tmp_path / "blank.png"
    Image.new("L", (80, 60), 255).save(blank)
    command = [sys.executable, "-m", "sklenet", "predict", str(model), str(blank)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"picture,label,probability\n{blank},")
    assert done.stderr.startswith("Warning: ")
    assert "site-packages" not in done.stderr
    assert sklenet.__file__ not in done.stderr
