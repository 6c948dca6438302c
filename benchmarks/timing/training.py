"""Time a fit of a recipe on all of MNIST in a separate process.

    python -m timing.training RECIPE SEED [DATA_HOME]

prints seconds and the error on the test images as JSON.
"""

import json
import sys
import time

_START = time.perf_counter()


def main() -> None:
    """Run the command line. The preparation imports libraries, reads the data and fits 100 images."""
    from comparison.data import load
    from measuring import seconds
    from recipes import RECIPES
    from sklenet import LeNetClassifier

    recipe, seed, *data_home = sys.argv[1:]
    split = load("mnist", *data_home)
    model = LeNetClassifier(**RECIPES[recipe], random_state=int(seed))
    model.fit(split.X_train[:100], split.y_train[:100])
    preparation_seconds = time.perf_counter() - _START
    training_seconds = seconds(lambda: model.fit(split.X_train, split.y_train))
    figures = {
        "preparation_seconds": round(preparation_seconds, 2),
        "training_seconds": round(training_seconds, 2),
        "error_rate": round(float((model.predict(split.X_test) != split.y_test).mean()), 4),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
