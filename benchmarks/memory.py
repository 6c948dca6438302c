"""Measure the growth of peak memory by a fit on 60,000 uint8 images, X held before it.

    python benchmarks/memory.py

The pixels are random: memory does not depend on what they show. A fit on 1,000 of them comes first, so that what
libraries allocate once does not count. Takes a few minutes, prints MB (10**6 bytes) and adds a row to
benchmarks/results/memory.csv.
"""

import resource
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from sklenet import LeNetClassifier

_RESULTS = Path(__file__).parent / "results" / "memory.csv"
_N_IMAGES = 60_000


def main() -> None:
    """Measure and write."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (_N_IMAGES, 784), dtype=np.uint8)
    y = np.arange(_N_IMAGES) % 10
    clf = LeNetClassifier(random_state=0)
    clf.fit(X[:1000], y[:1000])
    before = _peak()
    clf.fit(X, y)
    growth = (_peak() - before) / 1e6
    print(f"{growth:.0f} MB more at the peak; X itself has {X.nbytes / 1e6:.0f} MB")
    row = pd.DataFrame([{"n_images": _N_IMAGES, "x_mb": X.nbytes / 1e6, "growth_mb": round(growth, 1)}])
    row.to_csv(_RESULTS, mode="a", header=not _RESULTS.exists(), index=False)


def _peak() -> int:
    """Peak resident memory of this process, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
