"""Measure the growth of memory during a fit, with the images in memory and in a memory map that is larger.

    python benchmarks/memory.py                 # a minute, 2 GB of temporary files; Linux only
    python benchmarks/memory.py --report        # print the table of the results on disk

The array has 60,000 images of 28×28 pixels, and the memory map 2 GB of images of 256×256 pixels. Pixels are random,
since memory does not depend on their values. A fit on 1,000 images of the same size precedes the measured one, so that
one-time allocations of libraries are not counted. Pages of the file are not counted either, because the system reclaims
them under pressure. MB are 10**6 bytes.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from formatting import as_markdown
from measuring import step_growth_bytes, timed
from sklenet import LeNetClassifier

_RESULTS = Path(__file__).parent / "results" / "memory.csv"
_N_IMAGES, _SHAPE = 60_000, (28, 28)
_N_ON_DISK, _SHAPE_ON_DISK = 32_768, (256, 256)
_N_WRITTEN = 1_024  # images written at a time


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", action="store_true", help="only print the table of the results on disk")
    if not parser.parse_args().report:
        pd.DataFrame(_rows()).to_csv(_RESULTS, index=False)
    print(as_markdown(pd.read_csv(_RESULTS).astype(str)))


def _rows() -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(0)
    yield _measure("array", rng.integers(0, 256, (_N_IMAGES, *_SHAPE), dtype=np.uint8))
    with tempfile.TemporaryDirectory() as folder:
        yield _measure("memory map", _write(Path(folder, "images"), rng))


def _write(path: Path, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Write random images to a file in chunks and return it as a memory map."""
    images = np.memmap(path, dtype=np.uint8, mode="w+", shape=(_N_ON_DISK, *_SHAPE_ON_DISK))
    for start in range(0, _N_ON_DISK, _N_WRITTEN):
        images[start : start + _N_WRITTEN] = rng.integers(0, 256, (_N_WRITTEN, *_SHAPE_ON_DISK), dtype=np.uint8)
    images.flush()
    return np.memmap(path, dtype=np.uint8, mode="r", shape=images.shape)


def _measure(kind: str, X: NDArray[np.uint8]) -> dict[str, Any]:
    y = np.arange(len(X)) % 10
    model = LeNetClassifier(max_epochs=2, batch_size=128, random_state=0).fit(X[:1000], y[:1000])
    growth, seconds = timed(lambda: step_growth_bytes(lambda: model.fit(X, y)))
    return {
        "X is": kind,
        "images": len(X),
        "pixels": "×".join(map(str, X.shape[1:])),
        "MB": round(X.nbytes / 1e6),
        "growth, MB": round(growth / 1e6, 1),
        "seconds, 2 epochs": round(seconds),
    }


if __name__ == "__main__":
    main()
