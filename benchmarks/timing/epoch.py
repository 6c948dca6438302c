"""Time a warm epoch of the expert's loop on all of MNIST, the unit of training times.

    python -m timing.epoch [DATA_HOME]

prints JSON.
"""

import json
import sys

import numpy as np

from comparison.data import load
from measuring import seconds
from timing.loops import ExpertLoop

_BATCH_SIZE = 128


def main() -> None:
    """Run the command line."""
    split = load("mnist", *sys.argv[1:])
    loop = ExpertLoop(1, _BATCH_SIZE)
    X, y = split.X_train, split.y_train.astype(np.int64)
    loop.fit(X, y)
    print(json.dumps({"training_seconds": round(seconds(lambda: loop.fit(X, y)), 2)}))


if __name__ == "__main__":
    main()
