"""Read images and labels from the files of each published layout."""

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklenet._extras import import_extra
from sklenet.datasets._formats import damaged, open_zip, read_idx, read_libsvm, read_member, read_npz
from sklenet.datasets._published import DataSet

# The files of each requested split, in the order of the registry.
Files = Mapping[str, list[Path]]

_QMNIST_COLUMNS = ("series", "writer", "writer_index", "nist_class", "nist_index", "duplicate")
_OMNIGLOT_MEMBER = re.compile(r"images_(?:background|evaluation)/(.+/character\d+)/\d+_(\d+)\.png")
_IMAGES_PER_TRANSPOSE = 4096


class Content(NamedTuple):
    """Contents of the files: images (n, h, w) uint8, labels (n,) as published, and metadata of each image."""

    images: NDArray[np.uint8]
    labels: NDArray[Any]
    metadata: pd.DataFrame | None = None


def _read_idx(dataset: DataSet, files: Files) -> Content:
    return Content(*(read_idx(*paths) for paths in zip(*files.values(), strict=True)))


def _read_qmnist(dataset: DataSet, files: Files) -> Content:
    """Read IDX files whose labels are a table: the first column is the class, the last column is unused."""
    images, table, _ = _read_idx(dataset, files)
    columns = dict(zip(_QMNIST_COLUMNS, table.T[1:], strict=False))
    return Content(images, table[:, 0], pd.DataFrame(columns))


def _read_emnist(dataset: DataSet, files: Files) -> Content:
    """Read IDX files from an archive, and transpose the images, which are published transposed."""
    with ExitStack() as stack:
        images, labels = [], []
        for split, (path,) in files.items():
            archive = stack.enter_context(open_zip(path))
            images.append(_member(archive, f"gzip/emnist-{dataset.variant}-{split}-images-idx3-ubyte.gz"))
            labels.append(_member(archive, f"gzip/emnist-{dataset.variant}-{split}-labels-idx1-ubyte.gz"))
        content = Content(read_idx(*images), read_idx(*labels))
    # In chunks, to avoid a second copy of all images in memory.
    for start in range(0, len(content.images), _IMAGES_PER_TRANSPOSE):
        chunk = content.images[start : start + _IMAGES_PER_TRANSPOSE]
        chunk[:] = chunk.transpose(0, 2, 1).copy()
    return content


def _member(archive: zipfile.ZipFile, name: str) -> zipfile.Path:
    member = zipfile.Path(archive, name)
    if not member.is_file():
        raise damaged(archive.filename, f"it has no member {name!r}")
    return member


def _read_npz(dataset: DataSet, files: Files) -> Content:
    return Content(*(np.concatenate([read_npz(path) for path in paths]) for paths in zip(*files.values(), strict=True)))


def _read_usps(dataset: DataSet, files: Files) -> Content:
    height, width = dataset.image_shape
    parts = [read_libsvm(path, height * width) for (path,) in files.values()]
    X, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    images = np.rint((X + 1) * 127.5).astype(np.uint8)
    return Content(images.reshape(-1, height, width), y)


def _read_omniglot(dataset: DataSet, files: Files) -> Content:
    """Read PNG files in folders by alphabet and character, named after the numbers of character and drawer."""
    images, names, drawers = zip(*_omniglot_images(files), strict=True)
    labels = {name: label for label, name in enumerate(dataset.classes)}
    if unknown := set(names) - set(labels):
        raise damaged(", ".join(str(path) for (path,) in files.values()), f"unknown characters {sorted(unknown)}")
    target = np.array([labels[name] for name in names])
    order = np.argsort(target, kind="stable")
    return Content(np.stack(images)[order], target[order], pd.DataFrame({"drawer": np.array(drawers)[order]}))


def _omniglot_images(files: Files) -> Iterator[tuple[NDArray[np.uint8], str, int]]:
    """Yield the image, the class name and the drawer of each member, sorted by name."""
    for (path,) in files.values():
        with open_zip(path) as archive:
            found = list(filter(None, map(_OMNIGLOT_MEMBER.fullmatch, sorted(archive.namelist()))))
            if not found:
                raise damaged(path, "it contains no images of characters")
            for match in found:
                # Strokes are black on white.
                yield 255 - _decode(path, match[0], read_member(archive, match[0])), match[1], int(match[2])


def _decode(path: Path, name: str, content: bytes) -> NDArray[np.uint8]:
    pillow = import_extra("PIL.Image")
    try:
        with pillow.open(io.BytesIO(content), formats=["PNG"]) as image:
            return np.asarray(image.convert("L"))
    except (OSError, SyntaxError, ValueError, pillow.DecompressionBombError) as error:
        raise damaged(path, f"member {name!r}: {error}") from error


LAYOUTS: dict[str, Callable[[DataSet, Files], Content]] = {
    "idx": _read_idx,
    "qmnist": _read_qmnist,
    "emnist": _read_emnist,
    "npz": _read_npz,
    "usps": _read_usps,
    "omniglot": _read_omniglot,
}
