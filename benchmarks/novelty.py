"""Compare scores of how much an image looks like the training images, and measure what is rejected.

    python benchmarks/novelty.py validate --data-home DIR       # all scores, on training images only
    python benchmarks/novelty.py test --data-home DIR           # the same on the test images
    python benchmarks/novelty.py report                         # print the tables of the results on disk

Each model is LeNetClassifier with default parameters, trained on MNIST. `validate` trains on some of MNIST's training
images, and scores 10,000 others and outliers from the training images of other data sets. Only `test` reads test
images.
Each row is written as soon as it is measured, so that a stopped run can be resumed.
"""

import argparse
import copy
import os
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax
from sklearn.covariance import LedoitWolf
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from comparison.data import Split, load, subset
from formatting import as_markdown
from rows import Row, Rows
from sklenet import LeNetClassifier, LeNetNoveltyDetector
from sklenet.datasets import make_characters

_RESULTS = Path(__file__).parent / "results"
_AUROC = _RESULTS / "novelty.csv"
_ANSWERED = _RESULTS / "novelty_answered.csv"
_REJECTED = _RESULTS / "novelty_rejected.csv"

_N_VALIDATION = 10_000
# Numbers of training images, and of seeds.
_SIZES = {"validate": {1_000: 2, 10_000: 2, 50_000: 3}, "test": {10_000: 2, 60_000: 2}}
_CONTAMINATIONS = (0.01, 0.05)
_COVERAGE = 0.95
# Letters that have the shape of a digit.
_LOOKALIKES = "BIOQSZ"
_OTHER_LETTERS = f"letters but {_LOOKALIKES}"
# The outliers whose mean is compared.
_COMPARED = ("Fashion-MNIST", "KMNIST", "letters")
_IMAGES = {"validate": "validation images", "test": "test images"}


@dataclass(frozen=True, eq=False)
class Outputs:
    """Outputs of a classifier for images.

    Attributes
    ----------
    logits : ndarray of shape (n, n_classes)
    features : ndarray of shape (n, n_units)
    scores : ndarray of shape (n,)
        Those of `score_samples`.
    averaged_scores : ndarray of shape (n,)
        Those of `score_samples` from the mean over nine views.
    """

    logits: NDArray[np.float64]
    features: NDArray[np.float64]
    scores: NDArray[np.float64]
    averaged_scores: NDArray[np.float64]

    @classmethod
    def of(cls, classifier: LeNetClassifier, X: NDArray[np.uint8]) -> "Outputs":
        """Compute the outputs. Noise and inverted images draw warnings of their scale and polarity."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            logits, features = classifier.decision_function(X), classifier.transform(X)
            averaging = copy.copy(classifier).set_params(test_time_augment=True)
            scores, averaged = (model.score_samples(X) for model in (classifier, averaging))
        return cls(logits.astype(np.float64), features.astype(np.float64), scores, averaged)

    @property
    def normalized(self) -> NDArray[np.float64]:
        """Features of length 1."""
        return normalize(self.features)


@dataclass(frozen=True, eq=False)
class Reference:
    """Outputs and targets of the training images, and their statistics.

    Attributes
    ----------
    outputs : Outputs
    targets : ndarray of shape (n,)
        Indices of the classes.
    """

    outputs: Outputs
    targets: NDArray[np.intp]

    @cached_property
    def means(self) -> NDArray[np.float64]:
        """Mean features of each class, (n_classes, n_units)."""
        features = self.outputs.features
        return np.stack([features[self.targets == target].mean(axis=0) for target in np.unique(self.targets)])

    @cached_property
    def within(self) -> LedoitWolf:
        """Covariance within the classes, shared by them."""
        return LedoitWolf(assume_centered=True).fit(self.outputs.features - self.means[self.targets])

    @cached_property
    def neighbours(self) -> NearestNeighbors:
        """Index of the features."""
        return NearestNeighbors().fit(self.outputs.features)

    @cached_property
    def normalized_neighbours(self) -> NearestNeighbors:
        """Index of the features of length 1."""
        return NearestNeighbors().fit(self.outputs.normalized)

    def distances(self, outputs: Outputs) -> NDArray[np.float64]:
        """Return the least squared Mahalanobis distance from the mean of a class."""
        return np.min([self.within.mahalanobis(outputs.features - mean) for mean in self.means], axis=0)


Score = Callable[[Reference, Outputs], NDArray[np.float64]]


def _neighbour(n_neighbors: int) -> Score:
    return lambda reference, outputs: -reference.neighbours.kneighbors(outputs.features, n_neighbors)[0][:, -1]


def _normalized_neighbour(n_neighbors: int) -> Score:
    return lambda reference, outputs: (
        -reference.normalized_neighbours.kneighbors(outputs.normalized, n_neighbors)[0][:, -1]
    )


SCORES: dict[str, Score] = {
    "max softmax": lambda _, outputs: softmax(outputs.logits, axis=1).max(axis=1),
    "max logit": lambda _, outputs: outputs.logits.max(axis=1),
    "energy": lambda _, outputs: logsumexp(outputs.logits, axis=1),
    "Mahalanobis": lambda reference, outputs: -reference.distances(outputs),
    "relative Mahalanobis (`score_samples`)": lambda _, outputs: outputs.scores,
    "relative Mahalanobis, nine views": lambda _, outputs: outputs.averaged_scores,
    "nearest neighbour": _neighbour(1),
    "10th neighbour": _neighbour(10),
    "nearest neighbour, length 1": _normalized_neighbour(1),
    "10th neighbour, length 1": _normalized_neighbour(10),
}


def _margin(outputs: Outputs) -> NDArray[np.float64]:
    probabilities = np.sort(softmax(outputs.logits, axis=1), axis=1)
    return probabilities[:, -1] - probabilities[:, -2]


# What an answer may be rejected by.
CONFIDENCES: dict[str, Callable[[Outputs], NDArray[np.float64]]] = {
    "largest probability": lambda outputs: softmax(outputs.logits, axis=1).max(axis=1),
    "largest less second": _margin,
    "`score_samples`": lambda outputs: outputs.scores,
}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["validate", "test", "report"])
    parser.add_argument("--sizes", type=int, nargs="*", help="numbers of training images, default: all of the tables")
    parser.add_argument("--data-home", default=os.environ.get("SKLENET_DATA"), help="default: $SKLENET_DATA")
    options = parser.parse_args()
    if options.command != "report":
        _measure(options.command, options.sizes, options.data_home)
    print(report())


def _measure(command: str, sizes: list[int] | None, data_home: str | None) -> None:
    """Fit each model of which rows are missing, and append its rows."""
    mnist = load("mnist", data_home)
    if command == "validate":
        mnist = _hold_out(mnist)
    outliers = _outliers(command, mnist.X_test, data_home)
    n_seeds = _SIZES[command]
    for n_train, seed in ((size, seed) for size in sizes or n_seeds for seed in range(n_seeds[size])):
        keys = {"images": command, "n_train": n_train, "seed": seed}
        model = Model(subset(mnist, n_train, seed), outliers, seed)
        _add(_AUROC, ({**keys, "score": score, "outliers": name} for score in SCORES for name in outliers), model.auroc)
        _add(_ANSWERED, ({**keys, "confidence": name} for name in CONFIDENCES), model.errors)
        _add(_REJECTED, ({**keys, "contamination": share} for share in _CONTAMINATIONS), model.rejected)


def _add(path: Path, cells: Iterable[Row], measure: Callable[[Row], Row]) -> None:
    rows = Rows(path)
    for keys in cells:
        if rows.is_missing(keys):
            rows.add(keys | measure(keys))


def _hold_out(split: Split) -> Split:
    """Split the training images into training and validation images, without the test images."""
    X, y = split.X_train, split.y_train
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=_N_VALIDATION, stratify=y, random_state=0)
    return Split(X_train, y_train, X_test, y_test)


def _outliers(command: str, genuine: NDArray[np.uint8], data_home: str | None) -> dict[str, NDArray[np.uint8]]:
    """Return images that are no digits, by name: of the training or of the test split, where there is one."""
    is_test = command == "test"
    fashion, kana = load("fashion_mnist", data_home), load("kmnist", data_home)
    letters = make_characters(5_000, random_state=int(is_test))
    is_lookalike = np.isin(letters.target_names[letters.target], list(_LOOKALIKES))
    rng = np.random.default_rng(int(is_test))
    return {
        "Fashion-MNIST": fashion.X_test[:5_000] if is_test else fashion.X_train[:5_000],
        "KMNIST": kana.X_test if is_test else kana.X_train,
        "letters": letters.data,
        _OTHER_LETTERS: letters.data[~is_lookalike],
        "noise": rng.integers(0, 256, (2_000, 784), dtype=np.uint8),
        "blank": np.repeat(np.arange(256, dtype=np.uint8)[:, None], 784, axis=1),
        "inverted": 255 - genuine[:2_000],
    }


@dataclass(frozen=True, eq=False)
class Model:
    """A classifier with default parameters, fitted when it is first asked, and what is measured of it.

    Attributes
    ----------
    split : Split
        Training images, and genuine images that are not trained on.
    outliers : dict of str to ndarray
    seed : int
    """

    split: Split
    outliers: dict[str, NDArray[np.uint8]]
    seed: int

    @cached_property
    def classifier(self) -> LeNetClassifier:
        """The fitted classifier."""
        return LeNetClassifier(random_state=self.seed).fit(self.split.X_train, self.split.y_train)

    @cached_property
    def reference(self) -> Reference:
        """What the scores compare with."""
        return Reference(Outputs.of(self.classifier, self.split.X_train), self.split.y_train)

    @cached_property
    def genuine(self) -> Outputs:
        """Outputs of the genuine images."""
        return Outputs.of(self.classifier, self.split.X_test)

    @cache  # noqa: B019 - a model lives as long as its rows are measured
    def outputs(self, outliers: str) -> Outputs:
        """Return the outputs of outliers."""
        return Outputs.of(self.classifier, self.outliers[outliers])

    @cache  # noqa: B019
    def scores(self, score: str, outliers: str | None = None) -> NDArray[np.float64]:
        """Return scores of outliers, or of the genuine images."""
        return SCORES[score](self.reference, self.outputs(outliers) if outliers else self.genuine)

    def auroc(self, keys: Row) -> Row:
        """Return the area under the ROC curve of genuine images against outliers."""
        genuine, outliers = self.scores(keys["score"]), self.scores(keys["score"], keys["outliers"])
        is_genuine = np.repeat([1, 0], [len(genuine), len(outliers)])
        return {"auroc": round(float(roc_auc_score(is_genuine, np.concatenate([genuine, outliers]))), 6)}

    def errors(self, keys: Row) -> Row:
        """Return the error rate of all genuine images, and of those in which the classifier is most confident."""
        is_wrong = self.classifier.classes_[self.genuine.logits.argmax(axis=1)] != self.split.y_test
        confidences = CONFIDENCES[keys["confidence"]](self.genuine)
        answered = np.argsort(-confidences, kind="stable")[: round(_COVERAGE * len(confidences))]
        rates = {"error_rate": is_wrong.mean(), "error_answered": is_wrong[answered].mean()}
        return {name: round(float(rate), 6) for name, rate in rates.items()}

    def rejected(self, keys: Row) -> Row:
        """Return the share of genuine images that the detector takes for outliers."""
        detector = LeNetNoveltyDetector(FrozenEstimator(self.classifier), contamination=keys["contamination"])
        detector.fit(self.split.X_train, self.split.y_train)
        return {"rejected": round(float((detector.predict(self.split.X_test) == -1).mean()), 6)}


def report() -> str:
    """Return the tables of the results on disk as Markdown."""
    tables = []
    if _AUROC.exists():
        rows = pd.read_csv(_AUROC)
        tables += [_auroc_table(*cell) for cell in rows.groupby(["images", "n_train"], sort=False)]
    if _ANSWERED.exists():
        tables.append(_answered_table(pd.read_csv(_ANSWERED)))
    if _REJECTED.exists():
        tables.append(_rejected_table(pd.read_csv(_REJECTED)))
    return "\n\n".join(as_markdown(table) for table in tables)


def _auroc_table(cell: tuple[str, int], rows: pd.DataFrame) -> pd.DataFrame:
    images, n_train = cell
    auroc = 100 * rows.pivot_table("auroc", "score", "outliers", sort=False)
    auroc.insert(0, "mean of three", auroc[list(_COMPARED)].mean(axis=1))
    table = auroc.map("{:.2f}".format)
    return table.rename_axis(f"AUROC in %, {_IMAGES[images]}, {n_train:,} training images").reset_index()


def _answered_table(rows: pd.DataFrame) -> pd.DataFrame:
    cells = rows.groupby(["images", "n_train", "confidence"], sort=False)
    table = pd.DataFrame(
        {
            "error, all answered": (100 * cells["error_rate"].mean()).map("{:.2f} %".format),
            f"error, {_COVERAGE:.0%} answered": (100 * cells["error_answered"].mean()).map("{:.3f} %".format),
            "single seeds": cells["error_answered"].agg(lambda rates: ", ".join(f"{100 * rate:.2f}" for rate in rates)),
        }
    )
    return _with_names(table)


def _rejected_table(rows: pd.DataFrame) -> pd.DataFrame:
    cells = rows.groupby(["images", "n_train", "contamination"], sort=False)
    rejected = cells["rejected"]
    table = pd.DataFrame(
        {
            "genuine images rejected": (100 * rejected.mean()).map("{:.2f} %".format),
            "single seeds": rejected.agg(lambda rates: ", ".join(f"{100 * rate:.2f}" for rate in rates)),
        }
    )
    return _with_names(table)


def _with_names(table: pd.DataFrame) -> pd.DataFrame:
    table = table.reset_index()
    table["n_train"] = table["n_train"].map("{:,}".format)
    table = table.replace({"images": _IMAGES}).rename(columns={"n_train": "training images"})
    return table.astype(str)


if __name__ == "__main__":
    main()
