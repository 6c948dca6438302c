"""Compare exported models with the classifiers that they were converted from, in two runtimes, and time one row.

    python benchmarks/onnx_parity.py measure --data-home DIR
    python benchmarks/onnx_parity.py report                     # print the tables of the results on disk

Each classifier is fitted on 2,000 of MNIST's training images, and compared on 10,000 others; without a folder of
published data, on those of the sample, repeated. onnx.reference takes minutes for as many images, so that most cases
have 1,000 of them there. Images of other shapes are made by repeating and leaving out rows and
columns. The rows of X go through a runtime in batches of 1, 3 and 512 in turn. Each row of results is written as soon
as it is measured, so that a stopped run can be resumed.
"""

import argparse
import itertools
import os
import statistics
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from formatting import as_markdown
from measuring import seconds
from rows import Row, Rows
from sklenet import LeNetClassifier
from sklenet.datasets import fetch_dataset, load_mnist_sample
from sklenet.export import to_onnx

_RESULTS = Path(__file__).parent / "results"
_PARITY = _RESULTS / "onnx_parity.csv"
_LATENCY = _RESULTS / "onnx_latency.csv"

_N_TRAIN, _N_COMPARED = 2_000, 10_000
_BATCHES = (1, 3, 512)
_N_ROUNDS = 1_000
# Labels are compared where the two largest probabilities differ by more.
_CLEAR = 1e-4

_lenet = partial(LeNetClassifier, max_epochs=5, random_state=0)


@dataclass(frozen=True)
class Case:
    """A classifier and the images that it is compared on.

    Attributes
    ----------
    make : callable
        Makes the classifier.
    shape : tuple (h, w)
        Shape of the images.
    dtype : {"uint8", "float32"}
        Dtype of the pixels, from 0 to 255 as uint8 and from 0 to 1 as float32.
    n_pixels : int or None
        Number of pixels in a row, where the last ones of an image are left out.
    n_reference : int
        Number of images that are compared in onnx.reference.
    """

    make: Callable[[], BaseEstimator] = _lenet
    shape: tuple[int, int] = (28, 28)
    dtype: str = "uint8"
    n_pixels: int | None = None
    n_reference: int = 1_000

    def prepare(self, images: NDArray[np.uint8]) -> NDArray[Any]:
        """Return images (n, 28, 28) as rows of this case's pixels."""
        rows, columns = (np.linspace(0, 27, side).round().astype(int) for side in self.shape)
        X = images[:, rows][:, :, columns].reshape(len(images), -1)[:, : self.n_pixels]
        return X if self.dtype == "uint8" else (X / 255).astype(np.float32)


def _voters() -> list[tuple[str, BaseEstimator]]:
    return [("LeNet", _lenet()), ("linear", LogisticRegression(C=0.01))]


CASES = {
    f"{architecture}, {height}×{width}, {dtype}": Case(
        partial(_lenet, architecture=architecture),
        (height, width),
        dtype,
        n_reference=_N_COMPARED if dtype == "uint8" else 1_000,
    )
    for architecture in ("modern", "1998")
    for height, width in ((8, 8), (28, 28), (16, 40), (64, 48))
    for dtype in ("uint8", "float32")
} | {
    "modern, width=0.5": Case(partial(_lenet, width=0.5)),
    "modern, nine views": Case(partial(_lenet, test_time_augment=True)),
    "modern, rows of 750 pixels": Case(n_pixels=750),
    "scaler, LeNet": Case(lambda: make_pipeline(MinMaxScaler(), _lenet()), dtype="float32"),
    "calibration by sigmoids": Case(lambda: CalibratedClassifierCV(_lenet(), cv=2), dtype="float32"),
    "soft votes": Case(lambda: VotingClassifier(_voters(), voting="soft", flatten_transform=False), dtype="float32"),
    "stacking": Case(lambda: StackingClassifier(_voters(), cv=2), dtype="float32"),
}

Run = Callable[[NDArray[Any]], list[NDArray[Any]]]


def _in_onnxruntime(model: Any) -> Run:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda X: session.run(None, {"X": X})


def _in_reference(model: Any) -> Run:
    evaluator: Any = ReferenceEvaluator(model)
    return lambda X: evaluator.run(None, {"X": X})


RUNTIMES: dict[str, Callable[[Any], Run]] = {"onnxruntime": _in_onnxruntime, "onnx.reference": _in_reference}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["measure", "report"])
    parser.add_argument("--data-home", default=os.environ.get("SKLENET_DATA"), help="default: $SKLENET_DATA")
    options = parser.parse_args()
    if options.command == "measure":
        # Models that are compared need not be good: they are trained for a few epochs, and 750 pixels are no square.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", ".* do not form a square image", UserWarning)
        _measure(*_load(options.data_home))
    print(report())


def _load(data_home: str | None) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return training images (n, 28, 28) of MNIST, or those of the sample, repeated, and their labels."""
    n_images = _N_TRAIN + _N_COMPARED
    if data_home is None:
        sample = load_mnist_sample(subset="train")
        indices = np.arange(n_images) % len(sample.images)
        return sample.images[indices], sample.target[indices]
    mnist = fetch_dataset("mnist", subset="train", data_home=data_home)
    return mnist.images[:n_images], mnist.target[:n_images]


def _measure(images: NDArray[np.uint8], y: NDArray[np.int64]) -> None:
    """Fit each classifier of which rows are missing, and append its rows."""
    rows = Rows(_PARITY)
    for name, case in CASES.items():
        cells = [{"model": name, "runtime": runtime} for runtime in RUNTIMES]
        if missing := [keys for keys in cells if rows.is_missing(keys)]:
            X = case.prepare(images)
            estimator = case.make().fit(X[:_N_TRAIN], y[:_N_TRAIN])
            model = to_onnx(estimator, dtype=case.dtype)
            for keys in missing:
                n_images = case.n_reference if keys["runtime"] == "onnx.reference" else _N_COMPARED
                X_test = X[_N_TRAIN:][:n_images]
                rows.add(keys | _compare(estimator, RUNTIMES[keys["runtime"]](model), X_test))
    latencies, keys = Rows(_LATENCY), {"model": "modern, 28×28, uint8"}
    if latencies.is_missing(keys):
        latencies.add(keys | _time_one_row(CASES[keys["model"]], images, y))


def _compare(estimator: BaseEstimator, run: Run, X: NDArray[Any]) -> Row:
    """Return the largest difference of probabilities, and the number of labels that differ though they are clear."""
    results = [run(batch) for batch in _batches(X)]
    labels, probabilities = (np.concatenate(parts) for parts in zip(*results, strict=True))
    expected = estimator.predict_proba(X)
    second, first = np.sort(expected, axis=1)[:, -2:].T
    is_clear = first - second > _CLEAR
    return {
        "n_images": len(X),
        "difference": float(np.abs(probabilities - expected).max()),
        "n_unclear": int((~is_clear).sum()),
        "n_labels_differ": int((labels != estimator.predict(X))[is_clear].sum()),
    }


def _batches(X: NDArray[Any]) -> list[NDArray[Any]]:
    ends = itertools.takewhile(lambda end: end < len(X), itertools.accumulate(itertools.cycle(_BATCHES)))
    return np.split(X, list(ends))


def _time_one_row(case: Case, images: NDArray[np.uint8], y: NDArray[np.int64]) -> Row:
    """Time `predict` and onnxruntime on one row, in turn."""
    X = case.prepare(images)
    classifier = case.make().fit(X[:_N_TRAIN], y[:_N_TRAIN])
    run = _in_onnxruntime(to_onnx(classifier))
    row = X[_N_TRAIN:][:1]
    pairs = [(seconds(lambda: classifier.predict(row)), seconds(lambda: run(row))) for _ in range(_N_ROUNDS)]
    ratios = [exported / predicted for predicted, exported in pairs[_N_ROUNDS // 10 :]]  # without those that warm up
    medians = [statistics.median(times) for times in zip(*pairs, strict=True)]
    return {
        "predict_ms": round(1e3 * medians[0], 4),
        "onnxruntime_ms": round(1e3 * medians[1], 4),
        "ratio": round(statistics.median(ratios), 4),
    }


def report() -> str:
    """Return the tables of the results on disk as Markdown."""
    tables = []
    if _PARITY.exists():
        tables.append(_parity_table(pd.read_csv(_PARITY)))
    if _LATENCY.exists():
        tables.append(_latency_table(pd.read_csv(_LATENCY)))
    return "\n\n".join(as_markdown(table) for table in tables)


def _parity_table(rows: pd.DataFrame) -> pd.DataFrame:
    columns = {}
    for runtime in RUNTIMES:
        part = rows[rows["runtime"] == runtime].set_index("model")
        n_clear = part["n_images"] - part["n_unclear"]
        columns[f"{runtime}: largest difference"] = part["difference"].map("{:.1e}".format)
        columns[f"{runtime}: labels that differ"] = part["n_labels_differ"].astype(str) + n_clear.map(" of {:,}".format)
    return pd.DataFrame(columns, index=rows["model"].unique()).fillna("").rename_axis("model").reset_index()


def _latency_table(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "one row": rows["model"],
            "predict": rows["predict_ms"].map("{:.2f} ms".format),
            "onnxruntime": rows["onnxruntime_ms"].map("{:.3f} ms".format),
            "ratio, median of pairs": rows["ratio"].map("{:.3f}".format),
        }
    )


if __name__ == "__main__":
    main()
