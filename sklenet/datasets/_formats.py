"""Readers of the file formats in which image data sets are published."""

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_GZIP_MAGIC = b"\x1f\x8b"

# The third byte of an IDX file says the type of its numbers; all of them are big-endian.
_IDX_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read an array from an IDX file, the format in which MNIST and its successors are published.

    Parameters
    ----------
    path : str or path-like
        The file, plain or compressed by gzip: its first bytes tell which, not its name.

    Returns
    -------
    array : ndarray
        Of the shape and type that the file's header says, in the machine's byte order; writable.

    Raises
    ------
    ValueError
        If the file is damaged, is no IDX file, or holds more or fewer numbers than its header says.

    References
    ----------
    Y. LeCun, C. Cortes, C. Burges: "The MNIST database of handwritten digits", section "File formats".

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels-idx1-ubyte")
    ...     _ = path.write_bytes(bytes([0, 0, 0x08, 1]) + bytes([0, 0, 0, 3]) + bytes([5, 0, 4]))
    ...     read_idx(path)
    array([5, 0, 4], dtype=uint8)
    """
    path = Path(path)
    content = _unzipped(path)
    dtype, shape, start = _idx_header(path, content)
    expected = math.prod(shape) * dtype.itemsize
    if len(content) - start != expected:
        raise ValueError(
            f"{path} is damaged: its header says shape {shape} of {dtype.name}, {expected} bytes, "
            f"but {len(content) - start} bytes follow; get the file again."
        )
    return np.frombuffer(content, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


def _unzipped(path: Path) -> bytes:
    content = path.read_bytes()
    if not content.startswith(_GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is damaged ({error}); get the file again.") from error


def _idx_header(path: Path, content: bytes) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    """Type and shape of the array in an IDX file, and where in the file it begins."""
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _IDX_DTYPES:
        raise ValueError(
            f"{path} is not an IDX file: one begins with two zero bytes, a type code (one of "
            f"{', '.join(f'0x{code:02x}' for code in _IDX_DTYPES)}) and the number of dimensions; "
            f"this one begins with {content[:4].hex(' ') or 'nothing'}."
        )
    n_dimensions = content[3]
    start = 4 + 4 * n_dimensions
    if len(content) < start:
        raise ValueError(f"{path} is damaged: it ends within its header; get the file again.")
    shape = struct.unpack(f">{n_dimensions}I", content[4:start])
    return np.dtype(_IDX_DTYPES[content[2]]), shape, start
