"""Measure what it costs to load MNIST from the cache, and to draw characters.

    python benchmarks/loading.py --data-home DIR

Loading is timed in turn with reading and decompressing the same four files by hand, so that the ratio of the two does
not depend on the machine; its memory is the peak of what Python and NumPy take, in sizes of the array that comes out.
"""

import argparse
import gzip
import os
import statistics
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklenet.datasets import fetch_dataset, make_characters

_RESULTS = Path(__file__).parent / "results" / "loading.csv"
_N_ROUNDS = 15


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-home", default=os.environ.get("SKLENET_DATA"), help="default: $SKLENET_DATA")
    data_home = parser.parse_args().data_home
    load, read = partial(fetch_dataset, "mnist", data_home=data_home), partial(_read_by_hand, Path(data_home, "mnist"))
    ratios = [_seconds(load) / _seconds(read) for _ in range(_N_ROUNDS)]
    row = {
        "mnist_time_by_hand": round(statistics.median(ratios), 2),
        "mnist_memory_of_array": round(_peak_bytes(load) / load().data.nbytes, 2),
        "characters_10000_seconds": round(_seconds(partial(make_characters, 10_000, random_state=0)), 1),
    }
    pd.DataFrame([row]).to_csv(_RESULTS, index=False)
    print(pd.Series(row).to_string())


def _read_by_hand(folder: Path) -> list[NDArray[np.uint8]]:
    return [np.frombuffer(gzip.open(path).read(), np.uint8) for path in sorted(folder.glob("*.gz"))]


def _seconds(step: Callable[[], Any]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def _peak_bytes(step: Callable[[], Any]) -> int:
    tracemalloc.start()
    step()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


if __name__ == "__main__":
    main()
