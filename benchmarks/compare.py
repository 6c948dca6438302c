"""Compare LeNet with a support vector machine and a random forest: error rate, time and memory.

    python benchmarks/compare.py
    python benchmarks/compare.py --datasets mnist kmnist --train-size 1000 --seeds 5

Without arguments it runs on data that come with the libraries. Every classifier gets the same pixels of the same
images; hyper-parameters are chosen on training images alone. Ctrl-C keeps what is finished.
"""

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Collection, Sequence
from difflib import get_close_matches
from pathlib import Path

import joblib
from tqdm import tqdm

from comparison.data import DATASETS, load
from comparison.models import MODELS
from comparison.protocol import Cell
from comparison.report import Results, circumstances
from comparison.runner import CellError, run

_SECONDS_TO_START = 5  # for the progress bar: a process of its own, its imports and its data
_INTERRUPTED = 130  # what shells report of a command ended by Ctrl-C


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        n_jobs = joblib.effective_n_jobs(options.n_jobs)
        cells = _cells(options, threads=max(1, joblib.cpu_count() // n_jobs))
        seconds = {cell: _guess_seconds(cell) for cell in cells}
        results = Results(options.output)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    try:
        n_failed = _measure(seconds, n_jobs, results)
    except KeyboardInterrupt:
        print(f"\nStopped: {len(results.rows)} of {len(cells)} are finished.", file=sys.stderr)
        n_failed = None
    if results.rows:
        print(f"\n{results.table()}\nWritten to {results.csv} and {results.markdown.name} beside it.")
    return _INTERRUPTED if n_failed is None else min(n_failed, 1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add(
        "--datasets",
        nargs="+",
        type=_one_of("data set", DATASETS),
        default=["digits", "mnist_sample", "characters"],
        metavar="NAME",
        help=f"any of {', '.join(DATASETS)} (default: digits mnist_sample characters)",
    )
    add(
        "--models",
        nargs="+",
        type=_one_of("model", MODELS),
        default=list(MODELS),
        metavar="NAME",
        help=f"any of {', '.join(MODELS)} (default: all)",
    )
    add("--train-size", type=_positive, metavar="N", help="draw N training images, stratified (default: all)")
    add("--seeds", type=_positive, default=1, metavar="K", help="repeat with the seeds 0 to K - 1 (default: 1)")
    add(
        "--data-home",
        type=Path,
        metavar="DIR",
        help="folder of the published data sets (default: $SKLENET_DATA, or the user's cache)",
    )
    add(
        "--output",
        type=Path,
        default=Path("comparison-results"),
        metavar="DIR",
        help="folder for results.csv and table.md (default: comparison-results)",
    )
    add(
        "--n-jobs",
        type=int,
        default=1,
        metavar="N",
        help="measure N at a time, -1: one per core; times are then not comparable with others (default: 1)",
    )
    return parser


def _one_of(kind: str, names: Collection[str]) -> Callable[[str], str]:
    def check(name: str) -> str:
        if name in names:
            return name
        near = get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise argparse.ArgumentTypeError(f"unknown {kind} {name!r}; {hint}choose from {', '.join(names)}")

    return check


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def _cells(options: argparse.Namespace, threads: int) -> list[Cell]:
    # Absolute, because the cells' processes run in another folder.
    data_home = options.data_home and str(Path(options.data_home).absolute())
    return [
        Cell(dataset, model, seed, threads, options.train_size, data_home)
        for dataset, seed, model in itertools.product(
            dict.fromkeys(options.datasets), range(options.seeds), dict.fromkeys(options.models)
        )
    ]


def _guess_seconds(cell: Cell) -> float:
    """Roughly how long a cell takes; loads its data, so that missing files show before the first hour of work."""
    n_train = len(load(cell.dataset, cell.data_home, train_size=cell.train_size).y_train)
    return _SECONDS_TO_START + MODELS[cell.model].seconds_per_1000 * n_train / 1000


def _measure(seconds: dict[Cell, float], n_jobs: int, results: Results) -> int:
    """Run the cells, given with the seconds that each may take, under a progress bar; return how many failed."""
    shared = circumstances(n_jobs)
    started: dict[Cell, float] = {}
    done: list[Cell] = []
    n_failed = 0
    with tqdm(
        total=sum(seconds.values()),
        bar_format="{percentage:3.0f}% |{bar:20}| {elapsed}, left {remaining}: {desc}",
        disable=None,  # where standard error is no terminal
        mininterval=1,
        miniters=0,
        smoothing=0,
    ) as bar:

        def watch(at_work: list[Cell]) -> None:
            # A cell at work moves the bar by the clock, up to what was guessed for it.
            now = time.monotonic()
            clocks = (min(seconds[cell], now - started.setdefault(cell, now)) for cell in at_work)
            bar.n = sum(clocks) + sum(seconds[cell] for cell in done)
            bar.set_description_str("; ".join(map(str, at_work)), refresh=False)
            bar.update(0)

        for cell, result in run(seconds, n_jobs, watch):
            done.append(cell)
            if isinstance(result, CellError):
                n_failed += 1
                bar.write(f"{cell} failed:\n{result}", file=sys.stderr)
            else:
                results.add(result | shared)
                bar.write(
                    f"{cell}: error {100 * result['error_rate']:.2f} %, "
                    f"fit {result['fit_seconds']:.1f} s, predict {result['predict_seconds']:.1f} s",
                    file=sys.stderr,
                )
    return n_failed


if __name__ == "__main__":
    sys.exit(main())
