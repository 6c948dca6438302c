"""One file in the safetensors format [1]_: written at once or not at all, and read without trust in its header.

References
----------
.. [1] Hugging Face, "Safetensors", https://github.com/huggingface/safetensors, section "Format".
"""

import math
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sklenet._extras import import_extra
from sklenet._files import write_atomically
from sklenet._saving._strict import RefusedError, parse_json, require, take_list, take_object

# The entry of the header's metadata that holds our JSON.
_KEY = "sklenet"

# JSON takes up to 35 times its size in memory: a list of empty lists does. A header of 784 names of columns has 20 kB.
_MOST_HEADER = 2**20

_DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "U8": np.dtype("u1")}

_LENGTH = 8  # bytes of the header's length

# What other files begin with.
_KINDS = {
    b"\x80": "a pickle, which runs code when it is loaded",
    b"PK\x03\x04": "a zip archive, as torch.save and skops write",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x1f\x8b": "a gzip file",
    b"\x89HDF": "an HDF5 file",
    b"GGUF": "a GGUF file",
}

Specs = dict[str, tuple[np.dtype[Any], tuple[int, ...]]]


@dataclass(frozen=True)
class SavedFile:
    """An open file whose header is consistent with its size.

    Attributes
    ----------
    document : str
        The JSON text that `write_saved` was given.
    specs : dict of str to (dtype, shape)
        What the file holds for each tensor. The bytes are there.
    n_bytes : int
        Size of the file.
    """

    document: str
    specs: Specs
    n_bytes: int
    _starts: dict[str, int]
    _file: IO[bytes]

    def read(self, name: str) -> NDArray[Any]:
        """Read a tensor."""
        dtype, shape = self.specs[name]
        array = np.empty(shape, dtype)
        self._file.seek(self._starts[name])
        n_read = self._file.readinto(array.reshape(-1).view(np.uint8).data)  # type: ignore[attr-defined]
        require(n_read == array.nbytes, "the file has become shorter while it was read")
        return array


def specs_of(tensors: Mapping[str, NDArray[Any]]) -> Specs:
    """Return the dtypes and shapes of tensors."""
    return {name: (tensor.dtype, tensor.shape) for name, tensor in tensors.items()}


def write_saved(path: str | os.PathLike[str], document: str, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Write a file at once: until the last byte is written, `path` is what it was.

    Raises
    ------
    RefusedError
        If the header would be longer than `open_saved` reads.
    OSError
        If the file cannot be written.
    """
    save = import_extra("safetensors.numpy", "safetensors").save
    content = save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, {_KEY: document})
    n_header = int.from_bytes(content[:_LENGTH], "little")
    require(
        n_header <= _MOST_HEADER,
        f"the history, the labels and the names of columns take {n_header:,} bytes, and a header has "
        f"{_MOST_HEADER:,} at most; pickle has no such bound",
    )
    write_atomically(path, content)


@contextmanager
def open_saved(path: str | os.PathLike[str]) -> Iterator[SavedFile]:
    """Open a file for reading. Memory is allocated for the header alone, of at most 1 MiB.

    Raises
    ------
    RefusedError
        If the file is of another kind, or its header does not describe its bytes.
    OSError
        If the file cannot be opened.
    """
    # A pipe would block, and a directory has no bytes.
    require(stat.S_ISREG(Path(path).stat().st_mode), "it is not a file, but a directory or a device")
    with Path(path).open("rb") as file:
        n_bytes = os.fstat(file.fileno()).st_size
        header, start = _read_header(file, n_bytes)
        metadata = header.pop("__metadata__", None)
        require(
            isinstance(metadata, dict) and isinstance(metadata.get(_KEY), str),
            "it is a safetensors file of another kind: its metadata have no entry 'sklenet'",
        )
        specs, starts = _locate(header, start, n_bytes)
        yield SavedFile(metadata[_KEY], specs, n_bytes, starts, file)


def _read_header(file: IO[bytes], n_bytes: int) -> tuple[dict[str, Any], int]:
    """Return the header, and where the bytes of tensors begin."""
    beginning = file.read(_LENGTH)
    require(beginning, "it is empty")
    for magic, kind in _KINDS.items():
        require(not beginning.startswith(magic) or _is_plausible(beginning, n_bytes), f"it begins as {kind}")
    require(_is_plausible(beginning, n_bytes), "it is not a safetensors file, or it is truncated")
    n_header = int.from_bytes(beginning, "little")
    require(n_header <= _MOST_HEADER, f"its header has {n_header:,} bytes, more than {_MOST_HEADER:,}")
    try:
        text = file.read(n_header).decode()
    except UnicodeDecodeError:
        raise RefusedError("its header is not UTF-8") from None
    header = parse_json(text, "its header")
    require(isinstance(header, dict), "its header is not a JSON object")
    return header, _LENGTH + n_header


def _is_plausible(beginning: bytes, n_bytes: int) -> bool:
    """Tell whether a file is long enough for the header whose length it begins with."""
    return len(beginning) == _LENGTH and _LENGTH + int.from_bytes(beginning, "little") <= n_bytes


def _locate(entries: dict[str, Any], start: int, n_bytes: int) -> tuple[Specs, dict[str, int]]:
    """Return dtypes, shapes and positions of tensors, which must fill the rest of the file without holes."""
    specs: Specs = {}
    spans = []
    for name, value in entries.items():
        what = f"the header's entry {name[:60]!r}"
        entry = take_object(value, ["dtype", "shape", "data_offsets"], what)
        dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        require(isinstance(dtype, str) and dtype in _DTYPES, f"{what} has a dtype other than {' and '.join(_DTYPES)}")
        is_shape = len(take_list(shape, int, f"the shape in {what}")) <= 4 and all(size > 0 for size in shape)
        require(is_shape, f"the shape in {what} is not of one to four positive sizes")
        require(len(take_list(offsets, int, f"'data_offsets' in {what}")) == 2, f"{what} has not two offsets")
        begin, end = offsets
        n_expected = math.prod(shape) * _DTYPES[dtype].itemsize
        require(end - begin == n_expected, f"{what} has {end - begin:,} bytes, but its shape takes {n_expected:,}")
        specs[name] = _DTYPES[dtype], tuple(shape)
        spans.append((begin, end, name))
    spans.sort()
    reached, starts = 0, {}
    for begin, end, name in spans:
        require(begin == reached, f"the bytes of the tensor {name[:60]!r} overlap others or leave a hole")
        starts[name], reached = start + begin, end
    require(start + reached == n_bytes, f"its header describes {start + reached:,} bytes, but it has {n_bytes:,}")
    return specs, starts
