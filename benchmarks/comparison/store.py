"""Records and predictions on disk.

The folder of a run has a file for each cell and for the test images of each data set, so that it is consistent after
every cell. `pack` writes the same results to a few files that can be committed, and `load` reads both layouts.
"""

import hashlib
import io
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from comparison import data, statistics
from comparison.models import MODELS
from comparison.protocol import CIRCUMSTANCES, Arrays, Cell, Record, settings

_CELL_FIELDS = tuple(Cell.__dataclass_fields__)
# The errors raised for damaged or missing files.
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile)


class BusyError(Exception):
    """Another run has locked the folder."""


class OtherSettingsError(Exception):
    """The folder has results that are not comparable with new ones."""


@dataclass
class HeldOut:
    """The test images of a data set, or the subset that was kept.

    Attributes
    ----------
    labels : ndarray of shape (n_test,)
        Classes of all test images, as indices of `classes`.
    classes : list of str
    rows : ndarray of shape (n_kept,)
        Indices of the images that were kept.
    images : ndarray of shape (n_kept, n_pixels), uint8
    """

    labels: NDArray[Any]
    classes: list[str]
    rows: NDArray[Any]
    images: NDArray[np.uint8]


@dataclass
class Results:
    """The results in a folder.

    Attributes
    ----------
    records : list of dict
    predicted : dict of Cell to ndarray of shape (n_test,)
        Predicted classes of the cells with status "ok", as indices of the classes.
    calibration : dict of Cell to dict
        For the cells with probabilities: `log_loss`, and the `bins` of `statistics.calibration_bins`.
    tests : dict of str to HeldOut
        Test images by `held_out_name`.
    unreadable : list of str
        Skipped files and the reasons.
    """

    records: list[Record] = field(default_factory=list)
    predicted: dict[Cell, NDArray[Any]] = field(default_factory=dict)
    calibration: dict[Cell, dict[str, Any]] = field(default_factory=dict)
    tests: dict[str, HeldOut] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)


class Store:
    """The folder to which a run writes its results.

    Parameters
    ----------
    folder : Path
        Created if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the folder, or raise `BusyError` that names the holder. The lock of a dead run is released."""
        self.folder.mkdir(parents=True, exist_ok=True)
        holder = self.folder / "holder.txt"
        lock = FileLock(self.folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            owner = holder.read_text(encoding="utf-8") if holder.exists() else "another run"
            raise BusyError(f"{self.folder} is locked by {owner}. Wait for it, or choose another --output.") from None
        try:
            holder.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
            for partial in self.folder.glob("*/*.writing"):
                partial.unlink()
            yield
        finally:
            holder.unlink(missing_ok=True)
            lock.release()

    def add(self, cell: Cell, record: Record, arrays: Arrays) -> None:
        """Write a cell. The record is written last, so a cell with a record is complete."""
        content = _savez(arrays)
        record = record | {"predictions_sha256": hashlib.sha256(content).hexdigest()}
        _write(self.folder / "predictions" / f"{cell}.npz", content)
        _write(self.folder / "records" / f"{cell}.json", json.dumps(record, indent=1).encode())

    def add_test(self, name: str, split: data.Split) -> None:
        """Write the test images of a data set, unless a readable file exists."""
        path = self.folder / "tests" / f"{name}.npz"
        try:
            _load_test(path)
        except _UNREADABLE:
            classes, labels = np.unique(np.concatenate([split.y_train, split.y_test]), return_inverse=True)
            labels = labels[len(split.y_train) :].astype(np.uint16)
            rows = np.arange(len(labels))
            arrays = {"labels": labels, "classes": classes.astype(str), "rows": rows, "images": split.X_test}
            _write(path, _savez(arrays))


def load(folder: Path) -> Results:
    """Read the results in the folder of a run or in a packed folder.

    Raises
    ------
    OtherSettingsError
        If a record is of a classifier that is not in `MODELS`.
    """
    results = _load_packed(folder) if (folder / "records.jsonl").exists() else _load_run(folder)
    unknown = sorted({record["model"] for record in results.records} - set(MODELS))
    if unknown:
        raise OtherSettingsError(
            f"has results of classifiers that are not in the table: {', '.join(unknown)}. "
            "Measure the comparison again in another folder."
        )
    return results


def cell_of(record: Record) -> Cell:
    """Return the cell of a record."""
    return Cell(**{name: record[name] for name in _CELL_FIELDS})


def held_out_name(cell: Cell) -> str:
    """Return the name of the test images that a cell predicts."""
    return f"{cell.dataset}-fold{cell.fold}of{cell.n_folds}" if cell.n_folds else cell.dataset


def check_settings(records: list[Record], checksums: dict[str, str]) -> None:
    """Raise `OtherSettingsError` if records have other versions, tuning or data than new records."""
    current = settings()
    for record in records:
        pairs = {name: (record.get(name), value) for name, value in current.items()}
        pairs["data"] = (record["data_sha256"], checksums.get(held_out_name(cell_of(record)), record["data_sha256"]))
        differences = [f"{name} is {old!r} there and {new!r} here" for name, (old, new) in pairs.items() if old != new]
        if differences:
            raise OtherSettingsError(
                f"has results with other settings ({cell_of(record)}): {'; '.join(differences)}. "
                "Choose another --output, or delete the folder."
            )


def other_circumstances(records: list[Record], current: Record) -> str:
    """Describe the records with other circumstances than new ones; return "" if all have the same."""
    differences = [
        "; ".join(f"{name} is {record[name]!r} there and {current[name]!r} here" for name in differing)
        for record in records
        if (differing := [name for name in CIRCUMSTANCES if record[name] != current[name]])
    ]
    if not differences:
        return ""
    return (
        f"has {len(differences)} of {len(records)} records with other circumstances: "
        f"{' / '.join(dict.fromkeys(differences))}. Their times are not compared with new ones, and the report marks "
        "them. To measure all cells in the same circumstances, choose another --output."
    )


def pack(results: Results, folder: Path, kept: dict[str, NDArray[np.intp]]) -> None:
    """Write results to three small files, without probabilities and with the `kept` test images only.

    Parameters
    ----------
    results : Results
    folder : Path
    kept : dict of str to ndarray
        Indices of the images to keep, by name of the test images.
    """
    lines = []
    for record in results.records:
        calibration = results.calibration.get(cell_of(record))
        lines.append(json.dumps(record | ({"calibration": calibration} if calibration else {}), sort_keys=True))
    _write(folder / "records.jsonl", ("\n".join(lines) + "\n").encode())
    _write(folder / "predictions.npz", _savez(_narrow({str(cell): codes for cell, codes in results.predicted.items()})))
    tests: Arrays = {}
    for name, test in results.tests.items():
        chosen = np.isin(test.rows, kept.get(name, []))
        tests |= {
            f"{name}/labels": test.labels,
            f"{name}/classes": np.array(test.classes),
            f"{name}/rows": test.rows[chosen],
            f"{name}/images": test.images[chosen],
        }
    _write(folder / "tests.npz", _savez(_narrow(tests)))


def _load_run(folder: Path) -> Results:
    results = Results()
    for path in sorted((folder / "records").glob("*.json")):
        try:
            record, arrays = _load_cell(folder, path)
            cell = cell_of(record)
            name = held_out_name(cell)
            if "labels" in arrays and name not in results.tests:
                results.tests[name] = _load_test(folder / "tests" / f"{name}.npz")
        except _UNREADABLE as error:
            results.unreadable.append(f"{path}: {type(error).__name__}: {error}")
            continue
        results.records.append(record)
        if "labels" in arrays:
            results.predicted[cell] = arrays["labels"]
        if "proba" in arrays:
            results.calibration[cell] = _calibration(arrays["proba"], results.tests[name].labels)
    return results


def _load_test(path: Path) -> HeldOut:
    # Read the bytes first, because NumPy does not close a file that it cannot read.
    with np.load(io.BytesIO(path.read_bytes())) as loaded:
        return _test_set(loaded)


def _load_cell(folder: Path, path: Path) -> tuple[Record, Arrays]:
    record = json.loads(path.read_bytes())
    content = (folder / "predictions" / f"{cell_of(record)}.npz").read_bytes()
    if hashlib.sha256(content).hexdigest() != record["predictions_sha256"]:
        raise ValueError("the checksum of its predictions does not match")
    with np.load(io.BytesIO(content)) as loaded:
        return record, dict(loaded)


def _calibration(proba: NDArray[Any], labels: NDArray[Any]) -> dict[str, Any]:
    return {
        "log_loss": statistics.mean_log_loss(proba, labels),
        "bins": statistics.calibration_bins(proba, labels),
    }


def _load_packed(folder: Path) -> Results:
    results = Results()
    with np.load(folder / "predictions.npz") as predicted:
        for line in (folder / "records.jsonl").read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            cell = cell_of(record)
            results.records.append(record)
            if str(cell) in predicted:
                results.predicted[cell] = predicted[str(cell)]
            if "calibration" in record:
                results.calibration[cell] = record.pop("calibration")
    with np.load(folder / "tests.npz") as loaded:
        for name in sorted({key.rpartition("/")[0] for key in loaded.files}):
            fields = ("labels", "classes", "rows", "images")
            results.tests[name] = _test_set({field: loaded[f"{name}/{field}"] for field in fields})
    return results


def _test_set(loaded: Any) -> HeldOut:
    return HeldOut(loaded["labels"], loaded["classes"].tolist(), loaded["rows"], loaded["images"])


def _narrow(arrays: Arrays) -> Arrays:
    """Convert arrays of integers to the smallest type that holds their values."""
    return {
        name: array.astype(np.min_scalar_type(array.max(initial=0))) if array.dtype.kind in "iu" else array
        for name, array in arrays.items()
    }


def _savez(arrays: Arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _write(path: Path, content: bytes) -> None:
    """Write a file atomically, so that an interrupted run leaves no partial file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(path.name + ".writing")
    try:
        with scratch.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise OSError(error.errno, f"{error.strerror}; finished cells are kept", str(path)) from error
    scratch.replace(path)
