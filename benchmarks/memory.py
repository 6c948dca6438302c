"""Measure the growth of memory by a fit, X held before it: in memory, and on disk in a file larger than one would load.

    python benchmarks/memory.py

60,000 images of 28×28 pixels are an array; 2 GB of 256×256 pixels are a memory map in a temporary file. The pixels are
random: memory does not depend on what they show. A fit on 1,000 images of the same size comes first, so that what libraries
allocate once does not count. Of a memory map the pages of the file are not counted: the system takes them back when it
needs them. Takes a minute, prints MB (10**6 bytes) and writes benchmarks/results/memory.csv. Linux only.
"""

import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklenet import LeNetClassifier

_RESULTS = Path(__file__).parent / "results" / "memory.csv"
_N_IMAGES, _SHAPE = 60_000, (28, 28)
_N_ON_DISK, _SHAPE_ON_DISK = 32_768, (256, 256)
_AT_ONCE = 1_024
_INTERVAL = 0.005  # seconds


def main() -> None:
    """Measure and write."""
    rng = np.random.default_rng(0)
    rows = [_measure("array", rng.integers(0, 256, (_N_IMAGES, *_SHAPE), dtype=np.uint8), LeNetClassifier())]
    with tempfile.TemporaryDirectory() as folder:
        images = _write(Path(folder, "images"), rng)
        rows.append(_measure("memory map", images, LeNetClassifier(max_epochs=1, batch_size=128)))
        del images
    table = pd.DataFrame(rows)
    table.to_csv(_RESULTS, index=False)
    print(table.to_string(index=False))


def _write(path: Path, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Write random images to a file a part at a time, and return it as a memory map."""
    images = np.memmap(path, dtype=np.uint8, mode="w+", shape=(_N_ON_DISK, *_SHAPE_ON_DISK))
    for start in range(0, _N_ON_DISK, _AT_ONCE):
        images[start : start + _AT_ONCE] = rng.integers(0, 256, (_AT_ONCE, *_SHAPE_ON_DISK), dtype=np.uint8)
    images.flush()
    return np.memmap(path, dtype=np.uint8, mode="r", shape=images.shape)


def _measure(kind: str, X: NDArray[np.uint8], model: LeNetClassifier) -> dict[str, Any]:
    y = np.arange(len(X)) % 10
    model.set_params(random_state=0).fit(X[:1000], y[:1000])
    before = _anonymous_bytes()
    began = time.perf_counter()
    peak = _peak_while(lambda: model.fit(X, y))
    return {
        "kind": kind,
        "n_images": len(X),
        "x_mb": round(X.nbytes / 1e6),
        "growth_mb": round((peak - before) / 1e6, 1),
        "seconds": round(time.perf_counter() - began),
    }


def _peak_while(step: Callable[[], Any]) -> int:
    """Look at the memory of this process again and again while it makes a step, and return the most of it."""
    seen = [_anonymous_bytes()]
    done = threading.Event()

    def look() -> None:
        while not done.wait(_INTERVAL):
            seen.append(_anonymous_bytes())

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        step()
    finally:
        done.set()
        watcher.join()
    return max(seen)


def _anonymous_bytes() -> int:
    """Resident memory of this process without the pages of files."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    sizes = {name: value for name, _, value in (line.partition(":") for line in lines)}
    return 1024 * int(sizes["RssAnon"].split()[0])


if __name__ == "__main__":
    main()
