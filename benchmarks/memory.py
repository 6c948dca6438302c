"""Measure the growth of memory by a fit, X held before it: in memory, and on disk in a file larger than one would load.

    python benchmarks/memory.py                 # a minute, 2 GB in the folder for temporary files; Linux only
    python benchmarks/memory.py --report        # the table again, from what is on disk

60,000 images of 28×28 pixels are an array; 2 GB of 256×256 pixels are a memory map. The pixels are random: memory does
not depend on what they show. A fit on 1,000 images of the same size comes first, so that what libraries allocate once
does not count. Pages of the file are not counted: the system takes them back when it needs them. MB are 10**6 bytes.
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
_AT_ONCE = 1_024


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", action="store_true", help="only print the table of what is on disk")
    if not parser.parse_args().report:
        pd.DataFrame(_rows()).to_csv(_RESULTS, index=False)
    print(as_markdown(pd.read_csv(_RESULTS).astype(str)))


def _rows() -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(0)
    yield _measure("array", rng.integers(0, 256, (_N_IMAGES, *_SHAPE), dtype=np.uint8))
    with tempfile.TemporaryDirectory() as folder:
        yield _measure("memory map", _write(Path(folder, "images"), rng))


def _write(path: Path, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Write random images to a file a part at a time, and return it as a memory map."""
    images = np.memmap(path, dtype=np.uint8, mode="w+", shape=(_N_ON_DISK, *_SHAPE_ON_DISK))
    for start in range(0, _N_ON_DISK, _AT_ONCE):
        images[start : start + _AT_ONCE] = rng.integers(0, 256, (_AT_ONCE, *_SHAPE_ON_DISK), dtype=np.uint8)
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
