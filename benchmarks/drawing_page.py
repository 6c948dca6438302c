"""Measure the page of `to_html` in a headless Chromium, with a model that is trained on MNIST.

    python benchmarks/drawing_page.py --data-home DIR               # all of MNIST's training images, three minutes
    python benchmarks/drawing_page.py --sample                      # the sample that comes with the package
    python benchmarks/drawing_page.py --data-home DIR --sheet FILE  # also save what the network got as a picture
    python benchmarks/drawing_page.py --data-home DIR --unknown     # what is "not like a character I know", instead

Digits are drawn with the mouse along the strokes of handwriting.py. Chromium, its driver and selenium, which the extra
`test` installs, are needed. The test images of MNIST are not read.
"""

import argparse
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from selenium import webdriver

from browsing import draw, open_browser, open_page, requests
from formatting import as_markdown
from handwriting import STYLES, write
from sklenet import LeNetClassifier
from sklenet.datasets import fetch_dataset, load_mnist_sample, make_characters
from sklenet.export import to_html

_N_COMPARED = 200  # images whose logits are compared
_N_HELD_OUT, _N_TRAINING = 2_000, (1_000, 10_000)
_N_DIGITS = 10
_INTERVAL = 8  # milliseconds between the points of a stroke, as of a mouse
_SIDE = 32  # of the network's input, in pixels


@dataclass(frozen=True)
class Drawn:
    """What the page made of a drawn digit.

    Attributes
    ----------
    digit, style : int
    answer : str
    is_known : bool
    canvas : ndarray of shape (32, 32)
        The input of the network, standardised.
    delays : list of float
        Milliseconds from the end of each stroke to the answer.
    """

    digit: int
    style: int
    answer: str
    is_known: bool
    canvas: NDArray[np.float64]
    delays: list[float]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-home", default=os.environ.get("SKLENET_DATA"), help="default: $SKLENET_DATA")
    parser.add_argument("--sample", action="store_true", help="train on the sample of MNIST instead")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="save the inputs of the network, a row a style")
    parser.add_argument("--unknown", action="store_true", help="measure what is taken for unknown, without a browser")
    options = parser.parse_args()
    if options.unknown:
        print(as_markdown(_unknown(options.data_home)))
        return
    if options.sample:
        X, y = load_mnist_sample(subset="train", return_X_y=True)
    else:
        X, y = fetch_dataset("mnist", subset="train", data_home=options.data_home, return_X_y=True)
    classifier = LeNetClassifier(random_state=0).fit(X, y)
    with TemporaryDirectory() as folder, open_browser() as browser:
        page = Path(folder, "draw.html")
        to_html(classifier, page)
        open_page(browser, page)
        rows = {"size of the page": f"{page.stat().st_size / 1000:.0f} kB", **_compare(browser, classifier, X)}
        styles = range(len(STYLES))
        drawn = [draw_digit(browser, digit, style, _INTERVAL) for style in styles for digit in range(_N_DIGITS)]
        rows |= _summarise(drawn)
        rows["requests"] = str(len(requests(browser)))
        rows["messages in the console"] = str(len(browser.get_log("browser")))
    print(as_markdown(pd.DataFrame({"of the drawing page": list(rows), "": list(rows.values())})))
    print("misread:", ", ".join(f"{each.digit} as {each.answer} in style {each.style}" for each in _wrong(drawn)))
    if options.sheet:
        contact_sheet(drawn).save(options.sheet)


def _compare(browser: webdriver.Chrome, classifier: LeNetClassifier, X: NDArray[np.uint8]) -> dict[str, str]:
    """Compare the page's logits and scores with those of the classifier."""
    images = X[:: len(X) // _N_COMPARED]
    logits, scores = browser.execute_script(
        "const rows = arguments[0]; return [rows.map(sklenet.logits), rows.map(sklenet.score)];", images.tolist()
    )
    return {
        "largest difference of logits": f"{np.abs(logits - classifier.decision_function(images)).max():.1e}",
        "largest difference of scores": f"{np.abs(scores - classifier.score_samples(images)).max():.1e}",
    }


def draw_digit(browser: webdriver.Chrome, digit: int, style: int, interval: int = 0) -> Drawn:
    """Draw a digit on the open page, with an interval in milliseconds between the points."""
    browser.execute_script(
        "document.getElementById('clear').click(); document.getElementById('pen').value = arguments[0];",
        100 * STYLES[style].pen,
    )
    delays = draw(browser, write(digit, STYLES[style]), interval=interval)
    answer, is_known, canvas = browser.execute_script(
        "const {ranking, isKnown, layers} = sklenet.current;"
        "return [sklenet.model.names[ranking[0].index], isKnown, [...layers.input]];"
    )
    return Drawn(digit, style, answer, is_known, np.reshape(canvas, (_SIDE, _SIDE)), delays)


def _unknown(data_home: str | None) -> pd.DataFrame:
    """Return the shares of images below the threshold of the page, of models of several numbers of training images."""
    mnist = fetch_dataset("mnist", subset="train", data_home=data_home)
    letters = make_characters(_N_HELD_OUT, random_state=0)
    images = {
        "letters": letters.data,
        "letters but BIOQSZ": letters.data[~np.isin(letters.target_names[letters.target], [*"BIOQSZ"])],
        "Fashion-MNIST": fetch_dataset("fashion_mnist", subset="train", data_home=data_home).data[:_N_HELD_OUT],
        "noise": np.random.default_rng(0).integers(0, 256, (_N_HELD_OUT, letters.data.shape[1]), dtype=np.uint8),
    }
    order = np.random.default_rng(0).permutation(len(mnist.data))
    held_out, others = order[:_N_HELD_OUT], order[_N_HELD_OUT:]
    rows = []
    for n_images in _N_TRAINING:
        chosen = others[:n_images]
        classifier = LeNetClassifier(random_state=0).fit(mnist.data[chosen], mnist.target[chosen])
        threshold = -classifier.net_.module_.f6.out_features
        row = {"training images": f"{n_images:,}"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # noise and clothes have another scale than digits
            for name, X in {"digits, held out": mnist.data[held_out], **images}.items():
                row[name] = f"{(classifier.score_samples(X) < threshold).mean():.1%}"
        rows.append(row)
    return pd.DataFrame(rows)


def _summarise(drawn: list[Drawn]) -> dict[str, str]:
    delays: list[Any] = [delay for each in drawn for delay in each.delays]
    return {
        "drawn digits read rightly": f"{1 - len(_wrong(drawn)) / len(drawn):.1%} of {len(drawn)}",
        "drawn digits taken for unknown": f"{np.mean([not each.is_known for each in drawn]):.1%}",
        "answer after the end of a stroke, median": f"{np.median(delays):.1f} ms",
        "answer after the end of a stroke, slowest": f"{max(delays):.1f} ms of {len(delays)} strokes",
    }


def _wrong(drawn: list[Drawn]) -> list[Drawn]:
    return [each for each in drawn if each.answer != str(each.digit)]


def contact_sheet(drawn: list[Drawn], factor: int = 3) -> Image.Image:
    """Return a picture of the inputs of the network, a row for each style and a column for each digit."""
    canvases = np.stack([each.canvas for each in drawn]).reshape(-1, _N_DIGITS, _SIDE, _SIDE)
    picture = canvases.transpose(0, 2, 1, 3).reshape(-1, _N_DIGITS * _SIDE)
    levels = 255 * (picture - picture.min()) / np.ptp(picture)
    enlarged = levels.repeat(factor, axis=0).repeat(factor, axis=1)
    return Image.fromarray(enlarged.astype(np.uint8))


if __name__ == "__main__":
    main()
