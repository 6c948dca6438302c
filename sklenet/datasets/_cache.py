"""Find published files in the cache, download missing files, and compare checksums."""

import hashlib
import os
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any

from sklenet._extras import import_extra
from sklenet.datasets._published import SUBSETS, DataSet, File
from sklenet.datasets._registry import get_dataset

DataHome = str | os.PathLike[str] | None

_CHUNK = 2**16  # bytes


def get_data_home(data_home: DataHome = None) -> Path:
    """Return the folder of the published files: the argument, `$SKLENET_DATA`, or a folder in the user's cache."""
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
    """Find the published files of a data set, download missing files, and compare all checksums.

    Cached files are only read, so a folder that contains all files may be read-only.

    Returns
    -------
    paths : dict of str to list of Path
        The files of each split. Splits may share a file.

    Raises
    ------
    OSError
        If a file is missing and cannot be downloaded. The message lists the attempts and the remedies.
    ValueError
        If the data set is unknown, or a cached file has another checksum than the published file.
    """
    dataset = get_dataset(name)
    folder = get_data_home(data_home) / dataset.folder
    files = dataset.unique_files(subset)
    missing = _missing(files, folder)
    for file in files:
        if file not in missing:
            _verify(folder / file.name, file)
    for file in missing:
        reasons = ["Nothing was downloaded, because download_if_missing=False."]
        if download_if_missing:
            reasons = _download(file, dataset.urls, folder, n_retries, delay)
        if reasons:
            raise OSError(_missing_files_message(name, _missing(files, folder), folder, reasons))
    return {split: [folder / file.name for file in dataset.files[split]] for split in SUBSETS[subset]}


def is_cached(dataset: DataSet, subset: str, data_home: DataHome = None) -> bool:
    """Return whether all files of a subset are cached."""
    return not _missing(dataset.unique_files(subset), get_data_home(data_home) / dataset.folder)


def _missing(files: Iterable[File], folder: Path) -> list[File]:
    return [file for file in files if not (folder / file.name).is_file()]


def _missing_files_message(name: str, missing: Sequence[File], folder: Path, reasons: Sequence[str]) -> str:
    return "\n  ".join(
        [
            f"The data set {name!r} lacks {', '.join(file.name for file in missing)} in {folder}.",
            *reasons,
            f"Copy the published files into that folder, or set data_home= or $SKLENET_DATA to a folder that contains "
            f"these files in {folder.name}{os.sep}.",
            "A smaller data set needs no download: sklenet.datasets.load_mnist_sample.",
        ]
    )


def _download(file: File, mirrors: Sequence[str], folder: Path, n_retries: int, delay: float) -> list[str]:
    """Download a file from the first mirror that sends the published content.

    pooch writes to a temporary file and renames it once its checksum is right. So a killed process leaves no incomplete
    file under the published name, and of two processes the later one replaces a file by an equal file.

    Returns
    -------
    reasons : list of str
        Why each mirror failed; empty after success.
    """
    pooch, requests = import_extra("pooch"), import_extra("requests")
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    # Some servers send .gz files with Content-Encoding: gzip, and requests would decompress them.
    headers = {"Accept-Encoding": "identity"}
    fetch = pooch.HTTPDownloader(progressbar=is_terminal, chunk_size=_CHUNK, headers=headers)

    def download(url: str, path: str, _: Any) -> None:
        fetch(url, path, None)
        # Only its owner can read a temporary file; in a shared folder the other users need to read the file, too.
        Path(path).chmod(folder.stat().st_mode & 0o644)

    reasons: dict[str, str] = {}  # strings, because the traceback of an exception would keep the connection open
    refused = set()
    for attempt, url in product(range(n_retries + 1), [mirror + file.name for mirror in mirrors]):
        if url in refused:
            continue
        time.sleep(delay if attempt else 0)
        try:
            with ExitStack() as stack:
                # pooch announces each download on standard error, also where it is not a terminal.
                stack.callback(pooch.get_logger().setLevel, pooch.get_logger().level)
                pooch.get_logger().setLevel("WARNING")
                pooch.retrieve(url, ":".join(file.checksum), file.name, folder, downloader=download)
        except (OSError, ValueError) as error:  # the errors of requests are OSErrors, a wrong checksum is a ValueError
            reasons[url] = f"{url}: {type(error).__name__}: {error}"
            # Another attempt may succeed after an error of the network, or if the server is overloaded.
            if not isinstance(error, requests.RequestException) or getattr(error.response, "status_code", 500) < 500:
                refused.add(url)
        else:
            return []
    return list(reasons.values())


def _verify(path: Path, file: File) -> None:
    # hashlib, because reading cached files must not need pooch.
    algorithm, expected = file.checksum
    with path.open("rb") as content:
        found = hashlib.file_digest(content, algorithm).hexdigest()
    if found != expected:
        raise ValueError(
            f"{path} has {algorithm} {found}, but the published file has {expected}: the file is damaged or is "
            f"a different file. Delete or move the file to download it again."
        )
