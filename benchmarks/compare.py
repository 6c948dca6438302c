"""Compare the errors and times of LeNet with those of other classifiers, and write a report.

    python benchmarks/compare.py
    python benchmarks/compare.py --profile full --data-home DIR
    python benchmarks/compare.py --datasets mnist --models lenet svm forest --train-sizes 100 1000 60000 --seeds 5
    python benchmarks/compare.py --image-folder my_letters/
    python benchmarks/compare.py report comparison-results/

Without arguments, the comparison uses data that ship with the libraries and takes minutes. All classifiers get the same
pixels of the same images. Hyper-parameters are chosen on training images only. The same command resumes a stopped run.
"""

import argparse
import sys
from collections.abc import Callable, Collection, Sequence
from difflib import get_close_matches
from functools import partial
from pathlib import Path

import joblib
from tqdm import tqdm

from comparison import data, profiles
from comparison.backends import connect
from comparison.models import MODELS
from comparison.protocol import FORMS, Cell, Record
from comparison.runner import Task, circumstances, run
from comparison.store import (
    BusyError,
    OtherSettingsError,
    Store,
    cell_of,
    check_settings,
    held_out_name,
    load,
    other_circumstances,
    pack,
)

_INTERRUPTED = 130  # exit code of a command that Ctrl-C has ended


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if arguments[:1] == ["report"]:
        return _report(arguments[1:])
    parser = _parser()
    options = parser.parse_args(arguments)
    if (options.backend == "dask") != (options.scheduler is not None):
        parser.error("--backend dask and --scheduler ADDRESS go together")
    try:
        cells = _choose(options)
        splits = _load_data(cells, options)
        cells = _leave_out(cells, splits)
        with connect(options.scheduler) as (backend, n_slots), Store(options.output).lock():
            return _run(cells, splits, _Setup(options, backend, n_slots), options)
    except OtherSettingsError as error:
        parser.error(f"{options.output} {error}")
    except (OSError, ValueError, BusyError) as error:
        parser.error(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--profile", choices=["full"], help="measure the cells of the committed results, which other options restrict")
    add(
        "--datasets",
        nargs="+",
        type=_one_of("data set", data.DATASETS),
        metavar="NAME",
        help=f"any of {', '.join(data.DATASETS)} (default: {' '.join(profiles.QUICK_DATASETS)})",
    )
    add("--image-folder", type=Path, metavar="DIR", help="use pictures of your own instead, one folder for each class")
    add(
        "--models",
        nargs="+",
        type=_one_of("model", MODELS),
        metavar="NAME",
        help=f"any of {', '.join(MODELS)} (default: {' '.join(profiles.QUICK_MODELS)})",
    )
    add("--forms", nargs="+", choices=FORMS, help="use default or tuned parameters, or both (default: default)")
    add("--train-sizes", nargs="+", type=_size, metavar="N", help="draw N training images, or use all (default: all)")
    add("--seeds", type=_positive, default=1, metavar="K", help="repeat with the seeds 0 to K - 1 (default: 1)")
    add(
        "--cv",
        type=_at_least_two,
        default=0,
        metavar="K",
        help="cross-validate with K folds, for data sets without official test images",
    )
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
        help="folder for records, predictions and the report (default: comparison-results)",
    )
    add("--timeout", type=_positive, metavar="S", help="stop a cell after S seconds and record the timeout")
    add("--retry", action="store_true", help="repeat cells that failed, timed out or ran out of memory")
    add(
        "--n-jobs",
        type=int,
        default=1,
        metavar="N",
        help="measure N cells in parallel, -1: one per core; the report marks their times (default: 1)",
    )
    add("--threads", type=_positive, metavar="T", help="threads of a classifier (default: the cores, divided by N)")
    add(
        "--backend",
        choices=["local", "dask"],
        default="local",
        help="measure on this machine or on a cluster (default: local)",
    )
    add("--scheduler", metavar="ADDRESS", help="address of the Dask scheduler, such as tcp://10.0.0.1:8786")
    return parser


def _one_of(kind: str, names: Collection[str]) -> Callable[[str], str]:
    def check(name: str) -> str:
        if name in names:
            return name
        matches = get_close_matches(name, names, n=1)
        hint = f"did you mean {matches[0]!r}? " if matches else ""
        raise argparse.ArgumentTypeError(f"unknown {kind} {name!r}; {hint}choose from {', '.join(names)}")

    return check


def _positive(text: str, least: int = 1) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer of at least {least}")
    return int(text)


def _size(text: str) -> int | None:
    return None if text == "all" else _positive(text)


_at_least_two = partial(_positive, least=2)


def _choose(options: argparse.Namespace) -> list[Cell]:
    """List the cells of the profile that match the other options, or all combinations of the options."""
    if options.profile == "full":
        selected = {
            "dataset": options.datasets,
            "model": options.models,
            "form": options.forms,
            "train_size": options.train_sizes,
        }
        cells = [
            cell
            for cell in profiles.full()
            if all(not names or getattr(cell, field) in names for field, names in selected.items())
        ]
        if not cells:
            raise ValueError("The full profile has no such cells. Omit --profile to measure all combinations.")
        return cells
    datasets = ["image_folder"] if options.image_folder else options.datasets or profiles.QUICK_DATASETS
    official = [name for name in datasets if options.cv and data.DATASETS[name].official]
    if official:
        raise ValueError(f"--cv does not apply to {', '.join(official)}: official test images are not for training.")
    models, sizes = options.models or profiles.QUICK_MODELS, options.train_sizes or [None]
    return list(profiles.choose(datasets, models, options.forms or FORMS[:1], sizes, options.seeds, n_folds=options.cv))


class _Setup:
    """The backend and the settings with which cells are measured."""

    def __init__(self, options: argparse.Namespace, backend: str, n_slots: int | None) -> None:
        self.backend = backend
        n_jobs = n_slots or joblib.effective_n_jobs(options.n_jobs)
        # A slot of a Dask worker is a thread. On this machine, the cells share the cores.
        threads = options.threads or (1 if n_slots else max(1, joblib.cpu_count() // n_jobs))
        self._rest = (_home(options), threads, n_jobs, options.timeout)

    def task(self, cell: Cell) -> Task:
        return Task(cell, *self._rest)


def _home(options: argparse.Namespace) -> str | None:
    # The path is absolute, because the processes of the cells run in another folder.
    home = options.image_folder or options.data_home
    return home and str(home.absolute())


def _load_data(cells: list[Cell], options: argparse.Namespace) -> dict[str, data.Split]:
    """Load the data of all cells before the first measurement, and return the splits by name of the test images."""
    splits: dict[str, data.Split] = {}
    for cell in cells:
        name = held_out_name(cell)
        if name not in splits:
            splits[name] = data.load(cell.dataset, _home(options), fold=cell.fold, n_folds=cell.n_folds)
        fewest, most = data.train_sizes(splits[name])
        if cell.train_size is not None and not fewest <= cell.train_size <= most:
            raise ValueError(
                f"--train-sizes {cell.train_size} is outside the range of {name}, from {fewest} to {most}."
            )
    return splits


def _leave_out(cells: list[Cell], splits: dict[str, data.Split]) -> list[Cell]:
    """Return the cells without those that have more training images than their classifier's `max_train`."""
    kept, left_out = list[Cell](), list[Cell]()
    for cell in cells:
        n_train = cell.train_size or len(splits[held_out_name(cell)].y_train)
        (kept if n_train <= MODELS[cell.model].max_train else left_out).append(cell)
    if not kept:
        raise ValueError("All cells have more training images than their classifiers are measured with.")
    if left_out:
        print(f"Left out because of their many training images: {', '.join(map(str, left_out))}", file=sys.stderr)
    return kept


def _run(cells: list[Cell], splits: dict[str, data.Split], setup: _Setup, options: argparse.Namespace) -> int:
    store = Store(options.output)
    for name, split in splits.items():
        store.add_test(name, split)
    stored = load(options.output)
    for line in stored.unreadable:
        print(f"An unreadable cell is measured again: {line}", file=sys.stderr)
    checksums = {name: data.checksum(split) for name, split in splits.items()}
    check_settings(stored.records, checksums)
    done = {cell_of(record) for record in stored.records if record["status"] == "ok" or not options.retry}
    missing = [cell for cell in cells if cell not in done]
    # The circumstances of a cluster are known after the measurement only.
    current = circumstances(setup.task(missing[0])) if missing and not options.scheduler else None
    if current and (differences := other_circumstances(stored.records, current)):
        print(f"{options.output} {differences}", file=sys.stderr)
    try:
        _measure(missing, checksums, setup, store)
        code = 0
    except KeyboardInterrupt:
        print("\nStopped. The same command resumes the run.", file=sys.stderr)
        code = _INTERRUPTED
    results = load(options.output)
    if not results.predicted:
        return code or 1
    from comparison import report

    print(f"\n{report.write(results, options.output)}")
    failed = {cell_of(record) for record in results.records if record["status"] != "ok"} & set(cells)
    return code or int(bool(failed))


def _measure(cells: list[Cell], checksums: dict[str, str], setup: _Setup, store: Store) -> None:
    """Measure cells with a progress bar, and store each cell as soon as it is measured."""
    with tqdm(total=len(cells), disable=None) as bar:  # None disables the bar outside terminals
        for task, record, arrays in run([setup.task(cell) for cell in cells], setup.backend):
            store.add(task.cell, {"data_sha256": checksums[held_out_name(task.cell)]} | record, arrays)
            bar.write(_line(task.cell, record), file=sys.stderr)
            bar.update()


def _line(cell: Cell, record: Record) -> str:
    if record["status"] != "ok":
        return f"{cell}: {record['status']}: {record['message']}"
    seconds = f"fit {record['fit_seconds']:.1f} s, predict {record['predict_seconds']:.1f} s"
    return f"{cell}: error {100 * record['error_rate']:.2f} %, {seconds}"


def _report(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="compare.py report", description="Write the report of results on disk.")
    parser.add_argument("folder", type=Path, help="folder of a run, or packed folder")
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder of the report (default: the same folder)")
    parser.add_argument(
        "--summary", action="store_true", help="print a table with a line for each data set, and write nothing"
    )
    parser.add_argument("--pack", type=Path, metavar="DIR", help="also write the results to a few small files")
    options = parser.parse_args(arguments)
    try:
        results = load(options.folder)
    except OtherSettingsError as error:
        parser.error(f"{options.folder} {error}")
    if not results.predicted:
        parser.error(f"{options.folder} has no results.")
    from comparison import report

    if options.summary:
        print(report.summary(results))
        return 0
    if options.pack:
        pack(results, options.pack, report.kept_images(results))
    print(report.write(results, options.output or options.pack or options.folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
