"""Measure one contestant in a separate process, without the allocations, imports and caches of the others.

    python -m timing.cell NAME N_TRAIN EPOCHS BATCH_SIZE [DATA_HOME]

prints the figures as JSON.
"""

import json
import sys
from functools import partial
from typing import Any

import numpy as np

from comparison.data import load
from measuring import process_peak_bytes, seconds
from timing.contestants import CONTESTANTS

N_FIRST, N_WARM = 100, 1_000
N_PREDICTED = 10_000
_N_SINGLE_ROWS = 200
# A prediction that takes fewer seconds is repeated.
_REPEATED_BELOW, _N_REPEATS = 2.0, 5


def main() -> None:
    """Run the command line."""
    name, n_train, max_epochs, batch_size, *data_home = sys.argv[1:]
    print(json.dumps(measure(name, int(n_train), int(max_epochs), int(batch_size), *data_home)))


def measure(name: str, n_train: int, max_epochs: int, batch_size: int, data_home: str | None = None) -> dict[str, Any]:
    """Measure a contestant on MNIST: seconds, MB (10**6 bytes) of growth at the peak, and the error on the test images.

    The first fit, of 100 images, pays the one-time costs. A fit of 1,000 images precedes the measured fit.
    """
    split = load("mnist", data_home)
    X, y = np.ascontiguousarray(split.X_train[:n_train]), split.y_train[:n_train].astype(np.int64)
    X_test = np.ascontiguousarray(split.X_test[:N_PREDICTED])
    make = CONTESTANTS[name].make

    make(max_epochs, batch_size)  # imports the libraries
    first = seconds(lambda: make(max_epochs, batch_size).fit(X[:N_FIRST], y[:N_FIRST]))
    second = seconds(lambda: make(max_epochs, batch_size).fit(X[:N_FIRST], y[:N_FIRST]))
    make(max_epochs, batch_size).fit(X[:N_WARM], y[:N_WARM])
    before = process_peak_bytes()
    model = make(max_epochs, batch_size)
    fit = seconds(lambda: model.fit(X, y))
    growth = process_peak_bytes() - before
    predict = [seconds(lambda: model.predict(X_test))]
    if predict[0] < _REPEATED_BELOW:
        predict = [seconds(lambda: model.predict(X_test)) for _ in range(_N_REPEATS)]
    rows = [X_test[index : index + 1] for index in range(_N_SINGLE_ROWS)]
    single = 1e3 * np.array([seconds(partial(model.predict, row)) for row in rows])
    return {
        "first_fit_seconds": round(first - second, 4),
        "fit_seconds": round(fit, 4),
        "growth_mb": round(growth / 1e6, 1),
        "predict_seconds": round(float(np.median(predict)), 4),
        "row_ms": round(float(np.median(single)), 4),
        "row_p99_ms": round(float(np.percentile(single, 99)), 4),
        "error_rate": round(float((model.predict(X_test) != split.y_test[:N_PREDICTED]).mean()), 4),
    }


if __name__ == "__main__":
    main()
