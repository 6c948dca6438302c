"""Readers of the file formats in which image data sets are published.

The size in a header is validated before memory is allocated, and no reader decompresses more than that size.
"""

import bz2
import gzip
import io
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_svmlight_file

# A file, or a member of a zip archive.
Source = Path | zipfile.Path

# The largest array of the registry, EMNIST's 697,932 training images, has 522 MiB.
MAX_BYTES = 2**30

_GZIP_MAGIC = b"\x1f\x8b"

# Bytes per read: gzip copies each piece that it decompresses.
_CHUNK = 2**20

# Types by the third byte of an IDX file; all types are big-endian.
_IDX_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(*sources: str | os.PathLike[str] | zipfile.Path) -> NDArray[Any]:
    """Read an array from IDX files, the format in which MNIST and its successors are published.

    Parameters
    ----------
    *sources : str, path-like or zipfile.Path
        Files to concatenate, plain or compressed by gzip. The first bytes of a file, not its name, decide whether it
        is decompressed.

    Returns
    -------
    array : ndarray
        Array with the shape and type of the headers, in native byte order; writable. Reading needs the memory of one
        array, not two.

    Raises
    ------
    ValueError
        If a file is damaged, is not an IDX file, contains more or fewer numbers than its header declares, declares
        more than a GiB, or does not match the first file.

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
    ...     read_idx(path, path)
    array([5, 0, 4, 5, 0, 4], dtype=uint8)
    """
    files = [source if isinstance(source, Source) else Path(source) for source in sources]
    headers = []
    for source in files:
        with _decompressed(source) as file:
            headers.append(_idx_header(source, file))
    dtype, first_shape = headers[0]
    for source, (other, shape) in zip(files, headers, strict=True):
        if (other, shape[1:]) != (dtype, first_shape[1:]):
            raise ValueError(
                f"{source} contains {other.name} of shape {shape}, which does not match {dtype.name} of shape "
                f"{first_shape} in {files[0]}."
            )
    array = np.empty((sum(shape[0] for _, shape in headers), *first_shape[1:]), dtype)
    start = 0
    for source, (_, shape) in zip(files, headers, strict=True):
        with _decompressed(source) as file:
            _idx_header(source, file)
            _fill(array[start : start + shape[0]], source, file)
        start += shape[0]
    # No copy if the byte order is native already, as for single bytes.
    return array.astype(dtype.newbyteorder("="), copy=False)


@contextmanager
def _decompressed(source: Source) -> Iterator[IO[bytes]]:
    """Open a file, decompress it if it begins as a gzip file, and turn errors of damaged files into a ValueError."""
    with source.open("rb") as file:
        is_gzip = file.read(2) == _GZIP_MAGIC
    try:
        with source.open("rb") as file:
            yield cast(IO[bytes], gzip.GzipFile(fileobj=file)) if is_gzip else file
    except (EOFError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile) as error:
        raise damaged(source, error) from error


def damaged(source: object, why: object) -> ValueError:
    """Return the error for a damaged file."""
    return ValueError(f"{source} is damaged: {why}; download the file again.")


def _idx_header(source: Source, file: IO[bytes]) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Read the type and shape in the header of an IDX file, up to the first byte of the array."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _IDX_DTYPES:
        raise ValueError(
            f"{source} is not an IDX file: an IDX file begins with two zero bytes, a type code (one of "
            f"{', '.join(f'0x{code:02x}' for code in _IDX_DTYPES)}) and the number of dimensions; "
            f"this file begins with {magic.hex(' ') or 'nothing'}."
        )
    n_dimensions = magic[3]
    sizes = file.read(4 * n_dimensions)
    if n_dimensions == 0 or len(sizes) < 4 * n_dimensions:
        raise damaged(source, "it ends within its header")
    dtype, shape = np.dtype(_IDX_DTYPES[magic[2]]), struct.unpack(f">{n_dimensions}I", sizes)
    _check_size(source, math.prod(shape) * dtype.itemsize)
    return dtype, shape


def _check_size(source: object, n_bytes: int) -> None:
    """Raise a ValueError if a file declares more bytes than any data set of the registry has."""
    if n_bytes > MAX_BYTES:
        raise ValueError(
            f"{source} declares {n_bytes:,} bytes, but no data set has more than {MAX_BYTES:,}; "
            f"it is damaged, or a decompression bomb."
        )


def _fill(array: NDArray[Any], source: Source, file: IO[bytes]) -> None:
    """Fill an array with the rest of a file, which must have exactly the size of the array."""
    view = memoryview(array.reshape(-1).view(np.uint8).data)
    n_read = 0
    while n_read < len(view) and (n := file.readinto(view[n_read : n_read + _CHUNK])):  # type: ignore[attr-defined]
        n_read += n
    if n_read < len(view) or file.read(1):
        found = "more" if n_read == len(view) else f"{n_read:,}"
        raise damaged(
            source,
            f"its header declares shape {array.shape} of {array.dtype.name}, {len(view):,} bytes, but {found} follow",
        )


def read_npz(path: Path) -> NDArray[Any]:
    """Read the only array of a NumPy archive; the array is read-only.

    Raises
    ------
    ValueError
        If the file is damaged, does not contain exactly one array, contains objects, or declares more than a GiB.
    """
    with open_zip(path) as archive:
        names = archive.namelist()
        if len(names) != 1:
            raise damaged(path, f"it contains {names or 'nothing'} instead of one array")
        content = read_member(archive, names[0])
    # numpy.load would allocate memory for any shape in the header.
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran_order, dtype = read_header(file)
        array = np.frombuffer(content, dtype, offset=file.tell())
        return array.reshape(shape, order="F" if fortran_order else "C")
    except ValueError as error:
        raise damaged(path, error) from error


def read_libsvm(path: Path, n_features: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read features (n, n_features) and labels from a LIBSVM text file compressed by bzip2. Omitted features are 0.

    Raises
    ------
    ValueError
        If the file is damaged, has another format, or contains more than a GiB.
    """
    with path.open("rb") as packed:
        try:
            content = bz2.BZ2File(packed).read(MAX_BYTES + 1)
            _check_size(path, len(content))
            X, y = load_svmlight_file(io.BytesIO(content), n_features=n_features, zero_based=False)
        except (EOFError, OSError, ValueError) as error:
            raise damaged(path, error) from error
    return X.toarray(), y


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip archive.

    Raises
    ------
    ValueError
        If the file is not a zip archive, or a member is larger than a GiB.
    """
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise damaged(path, error) from error
    try:
        for member in archive.infolist():
            _check_size(f"{path}, member {member.filename!r},", member.file_size)
    except ValueError:
        archive.close()
        raise
    return archive


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Read a member of an archive, but no more bytes than the archive's table declares."""
    try:
        return archive.read(name)
    except (EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise damaged(archive.filename, f"member {name!r}: {error}") from error
