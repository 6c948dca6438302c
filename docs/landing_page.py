"""The files that the landing page shows: digits with their answers, and the page on which one draws."""

from pathlib import Path

import matplotlib.pyplot as plt

from sklenet import LeNetClassifier
from sklenet.datasets import load_mnist_sample
from sklenet.export import to_html

FOLDER = Path(__file__).parent / "generated"


def write(app) -> None:
    """Write `answers.png` and `draw_a_digit.html`, unless they exist."""
    FOLDER.mkdir(exist_ok=True)
    picture, page = FOLDER / "answers.png", Path(app.outdir) / "draw_a_digit.html"
    if picture.exists() and page.exists():
        return
    X, y = load_mnist_sample(subset="train", return_X_y=True)
    clf = LeNetClassifier(random_state=0).fit(X, y)
    draw_answers(clf, picture)
    to_html(clf, page, title="Draw a digit")


def draw_answers(clf: LeNetClassifier, picture: Path) -> None:
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
    figure.savefig(picture, dpi=110, facecolor="white")
    plt.close(figure)
