"""Measure weight decay, learning rate and distortions of `partial_fit` on streams of small chunks of training images.

    python benchmarks/stream_decay.py --data-home DIR      # an hour

Models see each drawn image of MNIST's training set, or of the 8,000 training characters of KMNIST, once. They are
scored on 2,000 other training images. The table shows the mean error in percent over the draws.
"""

import argparse
import itertools
import os
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from comparison.data import load
from formatting import as_markdown
from sklenet import LeNetClassifier

_N_VALIDATION = 2_000
_N_DRAWS = 3
_STREAMS = [("mnist", 32, 6_000), ("mnist", 256, 30_000), ("kmnist", 32, 6_000), ("kmnist", 256, 6_000)]
_GRID = {"weight_decay": (0.01, 0.1, 0.3, 1.0), "lr": (0.001, 0.003, 0.01), "augment": (None, "affine")}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-home", default=os.environ.get("SKLENET_DATA"), help="default: $SKLENET_DATA")
    data_home = parser.parse_args().data_home
    candidates = [dict(zip(_GRID, values, strict=True)) for values in itertools.product(*_GRID.values())]
    columns = {
        f"{data}, {n_images:,} by {n_chunk}": [
            _mean_error(data, data_home, n_chunk, n_images, params) for params in candidates
        ]
        for data, n_chunk, n_images in _STREAMS
    }
    named = {name: [repr(params[name]) for params in candidates] for name in _GRID}
    print(as_markdown(pd.DataFrame(named | columns)))


def _mean_error(data: str, data_home: str | None, n_chunk: int, n_images: int, params: dict[str, Any]) -> str:
    split = load(data, data_home)
    X, y = split.X_train, split.y_train
    training, validation = train_test_split(np.arange(len(y)), test_size=_N_VALIDATION, stratify=y, random_state=0)
    errors = []
    for seed in range(_N_DRAWS):
        stream = np.random.default_rng(seed).permutation(training)[:n_images]
        model = LeNetClassifier(**params, random_state=seed)
        for start in range(0, n_images, n_chunk):
            chunk = stream[start : start + n_chunk]
            model.partial_fit(X[chunk], y[chunk], classes=np.unique(y))
        errors.append(1 - model.score(X[validation], y[validation]))
    return f"{100 * np.mean(errors):.2f}"


if __name__ == "__main__":
    main()
