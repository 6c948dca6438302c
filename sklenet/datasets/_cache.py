"""Where published files lie on this machine, and how they get there."""

import hashlib
import os
import time
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path

from tqdm import tqdm

from sklenet.datasets._extras import import_extra
from sklenet.datasets._registry import SUBSETS, DataSet, File, get_dataset

DataHome = str | os.PathLike[str] | None

_CHUNK = 2**16  # bytes


class _ChecksumError(Exception):
    """What came is not the published file; the message says what was expected and found."""


def get_data_home(data_home: DataHome = None) -> Path:
    """Return the folder of the published files: the argument, `$SKLENET_DATA`, or the user's own cache folder."""
    chosen = data_home or os.environ.get("SKLENET_DATA")
    return Path(chosen).expanduser() if chosen else Path(import_extra("pooch").os_cache("sklenet"))


def find_files(
    name: str,
    subset: str,
    data_home: DataHome = None,
    *,
    download_if_missing: bool = True,
    n_retries: int = 3,
    delay: float = 1.0,
) -> dict[str, list[Path]]:
    """Find the published files of a data set, fetch those that are missing, and compare all with their checksums.

    Files that are there are only read, so that the folder need not be writable.

    Returns
    -------
    paths : dict of str to list of Path
        By split. Splits may share a file.

    Raises
    ------
    OSError
        If a file is missing and cannot be had; says what was tried and what to do.
    ValueError
        If there is no such data set, or a file that is there has another checksum.
    """
    dataset = get_dataset(name)
    folder = get_data_home(data_home) / dataset.folder
    files = dataset.unique_files(subset)
    missing = _missing(files, folder)
    for file in files:
        if file not in missing:
            _verify(folder / file.name, file)
    if missing and not download_if_missing:
        raise OSError(_explain(name, missing, folder, ["Nothing was fetched, because download_if_missing=False."]))
    for file in missing:
        if reasons := _fetch(file, dataset.urls, folder, n_retries, delay):
            raise OSError(_explain(name, _missing(files, folder), folder, reasons))
    return {split: [folder / file.name for file in dataset.files[split]] for split in SUBSETS[subset]}


def is_cached(dataset: DataSet, subset: str, data_home: DataHome = None) -> bool:
    """Say whether all files of a subset are there."""
    return not _missing(dataset.unique_files(subset), get_data_home(data_home) / dataset.folder)


def _missing(files: Iterable[File], folder: Path) -> list[File]:
    return [file for file in files if not (folder / file.name).is_file()]


def _explain(name: str, missing: Sequence[File], folder: Path, reasons: Sequence[str]) -> str:
    return "\n  ".join(
        [
            f"The data set {name!r} lacks {', '.join(file.name for file in missing)} in {folder}.",
            *reasons,
            "Put the published files into that folder by hand, or name another one by data_home= or $SKLENET_DATA, in "
            f"which they lie in {folder.name}{os.sep}.",
            "A smaller set comes with the library and needs no download: sklenet.datasets.load_mnist_sample.",
        ]
    )


def _fetch(file: File, urls: Sequence[str], folder: Path, n_retries: int, delay: float) -> list[str]:
    """Fetch a file from the first of the URLs that has it; return why none had it, or nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    reasons: dict[str, str] = {}
    waiting = [url + file.name for url in urls]
    for attempt in range(n_retries + 1):
        if attempt and waiting:
            time.sleep(delay)
        for url in list(waiting):
            try:
                _download(url, folder / file.name, file)
            except _ChecksumError as error:
                reasons[url] = str(error)
                waiting.remove(url)
            except OSError as error:  # of the network, as all errors of requests are, or of the folder
                reasons[url] = f"{type(error).__name__}: {error}"
                if _is_final(error):
                    waiting.remove(url)
            else:
                return []
    return [f"{url}: {reason}" for url, reason in reasons.items()]


def _is_final(error: Exception) -> bool:
    """Say whether another try would end the same: the server will not give the file, or the folder not take it."""
    response = getattr(error, "response", None)
    return isinstance(error, PermissionError) or (response is not None and 400 <= response.status_code < 500)


def _download(url: str, path: Path, file: File) -> None:
    """Fetch a file under another name, and give it its own when its checksum is right.

    So a killed process leaves no half file of that name, and of two that fetch the same file the later one replaces it
    by its like.
    """
    pooch = import_extra("pooch")
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        # disable=None: no bar where standard error is no terminal. pooch sets the total, but before that asks for the
        # bar's truth value, which one without a total does not have.
        with tqdm(desc=path.name, total=1, unit="B", unit_scale=True, disable=None) as bar:
            # Some servers send .gz files with Content-Encoding: gzip, and requests would unpack them.
            headers = {"Accept-Encoding": "identity"}
            pooch.HTTPDownloader(progressbar=bar, chunk_size=_CHUNK, headers=headers)(url, part, None)
        algorithm, expected = file.checksum
        found = _digest(part, algorithm)
        if found != expected:
            bad = path.with_name(f"{path.name}.bad")
            part.replace(bad)
            raise _ChecksumError(f"{path.name} should have {algorithm} {expected}, but has {found}; kept as {bad}")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _verify(path: Path, file: File) -> None:
    algorithm, expected = file.checksum
    found = _digest(path, algorithm)
    if found != expected:
        raise ValueError(
            f"{path} has {algorithm} {found}, but the published file has {expected}: it is damaged or another one; "
            f"delete or move it, and it is fetched again."
        )


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, algorithm).hexdigest()
