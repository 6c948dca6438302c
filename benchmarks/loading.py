"""Measure the time and memory to load MNIST from the cache, and the time to draw characters.

    python benchmarks/loading.py --data-home DIR

Loading is timed alternately with reading and decompressing the same four files by hand, so that the ratio does not
depend on the machine. Its memory is the growth of the process at the peak, divided by the size of the returned array.
The memory is measured on Linux only.
"""

import argparse
import gzip
import os
import statistics
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measuring import seconds, step_growth_bytes
from sklenet.datasets import fetch_dataset, make_characters

_RESULTS = Path(__file__).parent / "results" / "loading.csv"
_N_ROUNDS = 15


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-home", default=os.environ.get("SKLENET_DATA"), help="default: $SKLENET_DATA")
    data_home = parser.parse_args().data_home
    load, read = partial(fetch_dataset, "mnist", data_home=data_home), partial(_read_by_hand, Path(data_home, "mnist"))
    ratios = [seconds(load) / seconds(read) for _ in range(_N_ROUNDS)]
    row = {
        "mnist_time_by_hand": round(statistics.median(ratios), 2),
        "mnist_memory_of_array": round(step_growth_bytes(load) / load().data.nbytes, 2),
        "characters_10000_seconds": round(seconds(partial(make_characters, 10_000, random_state=0)), 1),
    }
    pd.DataFrame([row]).to_csv(_RESULTS, index=False)
    print(pd.Series(row).to_string())


def _read_by_hand(folder: Path) -> list[NDArray[np.uint8]]:
    return [np.frombuffer(gzip.open(path).read(), np.uint8) for path in sorted(folder.glob("*.gz"))]


if __name__ == "__main__":
    main()
