"""The files that the landing page shows: digits with their answers, and the page on which one draws."""

from pathlib import Path

import matplotlib.pyplot as plt

import sklenet
from sklenet import LeNetClassifier
from sklenet.datasets import load_mnist_sample

FOLDER = Path(__file__).parent / "generated"


def write(app) -> None:
    """Write `answers.png`, and `drawing_page.html` where sklenet has `to_html`."""
    FOLDER.mkdir(exist_ok=True)
    draws = can_draw()
    if draws:
        app.tags.add("drawing_page")
    outputs = ["answers.png", "drawing_page.html"] if draws else ["answers.png"]
    if all((FOLDER / name).exists() for name in outputs):
        return
    X, y = load_mnist_sample(subset="train", return_X_y=True)
    clf = LeNetClassifier(random_state=0).fit(X, y)
    draw_answers(clf)
    if draws:
        sklenet.export.to_html(clf, FOLDER / "drawing_page.html", title="Draw a digit")


def can_draw() -> bool:
    """Return whether this version of sklenet exports drawing pages."""
    return hasattr(sklenet, "export") and hasattr(sklenet.export, "to_html")


def draw_answers(clf: LeNetClassifier) -> None:
    """Draw test digits, each with the most probable class and its probability."""
    X_test, y_test = load_mnist_sample(subset="test", return_X_y=True)
    X_test, y_test = X_test[:24], y_test[:24]
    probabilities = clf.predict_proba(X_test)
    answers = clf.classes_[probabilities.argmax(axis=1)]
    figure, axes = plt.subplots(2, 12, figsize=(12, 2.6), layout="constrained")
    for ax, image, answer, digit, row in zip(axes.flat, X_test, answers, y_test, probabilities, strict=True):
        ax.imshow(image.reshape(28, 28), cmap="gray_r")
        ax.set_title(f"{answer}  {row.max():.0%}", color="tab:green" if answer == digit else "tab:red", fontsize=12)
        ax.set_axis_off()
    figure.savefig(FOLDER / "answers.png", dpi=110, facecolor="white")
    plt.close(figure)
