"""What the commands of the command line do. Each returns the text to print."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import classification_report
from sklearn.model_selection import train_test_split

from sklenet._checks import Shape, name_some
from sklenet._classifier import LeNetClassifier
from sklenet._files import check_folder
from sklenet.datasets import load_image_folder
from sklenet.export import to_html, to_onnx
from sklenet.inspection import most_confused
from sklenet.preprocessing import CharacterFramer, find_characters
from sklenet.preprocessing._framing import MNIST_BOX

_MOST_CONFUSIONS = 10


def fit(
    folder: Path, model: Path, image_shape: Sequence[int], hold_out: float | None, parameters: list[tuple[str, Any]]
) -> str:
    """Train a model on a folder of labelled pictures, and save the model."""
    check_folder(model)  # before the training, not after it
    classifier = LeNetClassifier(verbose=1).set_params(**dict(parameters))
    height, width = image_shape
    X, y = load_image_folder(folder, image_shape=(height, width), frame=True, return_X_y=True)
    if hold_out is None:
        X_train, y_train = X, y
    else:
        X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=hold_out, stratify=y, random_state=0)
    classifier.fit(X_train, y_train)
    # The bar is for this training.
    classifier.set_params(verbose=0).save(model)
    lines = [f"{model}: {len(classifier.classes_)} classes, trained on {len(X_train):,} pictures"]
    if hold_out is not None:
        lines += [f"right: {classifier.score(X_test, y_test):.1%} of {len(X_test):,} pictures that were held out"]
    return _join(lines)


def predict(model: Path, pictures: list[Path], page: bool, probabilities: bool, format: str) -> str:  # noqa: A002
    """Read pictures of one character each, or pages of characters."""
    classifier = LeNetClassifier.load(model)
    table, images = _find(pictures) if page else (pd.DataFrame({"picture": map(str, pictures)}), pictures)
    shares = np.zeros((0, len(classifier.classes_)), np.float32)
    if len(images):
        shares = classifier.predict_proba(_frame(images, classifier.image_shape_))
    table["label"] = classifier.classes_[shares.argmax(axis=1)]
    table["probability"] = shares.max(axis=1, initial=0)
    if probabilities:
        columns = [f"probability_{label}" for label in classifier.classes_]
        table = table.join(pd.DataFrame(shares, columns=columns))
    if format == "json":
        return table.to_json(orient="records", force_ascii=False, indent=1) + "\n"
    return table.to_csv(index=False, float_format="%.6f", lineterminator="\n")


def _find(pictures: list[Path]) -> tuple[pd.DataFrame, list[NDArray[np.uint8]]]:
    """Find the characters of pages: a row for each, in reading order, and their images."""
    rows, images = [], []
    for path in pictures:
        page = find_characters(path)
        images += page.images
        rows += [(str(path), number, *page.boxes[index]) for number, line in enumerate(page.lines, 1) for index in line]
    return pd.DataFrame(rows, columns=["picture", "line", "left", "top", "right", "bottom"]), images


def _frame(images: Sequence[Any], shape: Shape) -> NDArray[np.uint8]:
    """Frame pictures as load_image_folder does."""
    return CharacterFramer(box=max(1, round(min(shape) * MNIST_BOX)), image_shape=shape).transform(images)


def evaluate(model: Path, folder: Path) -> str:
    """Count what a model reads wrong in a folder of labelled pictures."""
    classifier = LeNetClassifier.load(model)
    X, y = load_image_folder(folder, image_shape=classifier.image_shape_, frame=True, return_X_y=True)
    # Folders have names; classes may be numbers.
    classes = classifier.classes_.astype(str)
    if unknown := sorted(set(y) - set(classes)):
        raise ValueError(f"{folder} has classes that the model does not know: {name_some(unknown)}.")
    read = classifier.predict(X).astype(str)
    confusions = most_confused(y, read, n_pairs=_MOST_CONFUSIONS)
    lines = [f"right: {(read == y).mean():.2%} of {len(y):,} pictures", ""]
    lines += [classification_report(y, read, digits=3, zero_division=0)]
    lines += ["most confused:", confusions.to_string(index=False)] if len(confusions) else []
    return _join(lines)


def export(model: Path, output: Path, dtype: str | None) -> str:
    """Write a model as ONNX or as a page."""
    writers = {".onnx": to_onnx, ".html": to_html}
    if output.suffix not in writers:
        raise ValueError(f"{output} must end with .onnx or .html.")
    options = {} if dtype is None else {"dtype": dtype}
    writers[output.suffix](LeNetClassifier.load(model), output, **options)
    return f"{output}: {output.stat().st_size / 1000:,.0f} kB\n"


def _join(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
