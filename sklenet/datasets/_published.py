"""What is known of a published data set and its files."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

# The splits of each subset, in the order of concatenation.
SUBSETS = {"all": ("train", "test"), "train": ("train",), "test": ("test",)}

Classes = tuple[int, ...] | tuple[str, ...]


@dataclass(frozen=True)
class File:
    """Name and checksums of a published file. The name is used in the cache and at the end of the URLs."""

    name: str
    md5: str
    sha256: str | None = None

    @property
    def checksum(self) -> tuple[str, str]:
        """Return the algorithm and the expected digest."""
        return ("sha256", self.sha256) if self.sha256 else ("md5", self.md5)


@dataclass(frozen=True)
class DataSet:
    """A published data set.

    Attributes
    ----------
    title : str
    folder : str
        Folder of the files in the cache.
    layout : str
        Layout of the files, a key of `_layouts.LAYOUTS`.
    urls : tuple of str
        Mirrors in order of trust; each ends in a slash.
    files : mapping of "train" and "test" to tuple of File
        Files of each split. Reading a split needs no files of the other split.
    sizes : mapping of "train" and "test" to int
        Published number of images.
    image_shape : tuple (h, w)
    classes : tuple of int or str
        Class names by label; digits are ints.
    licence, citation : str
    note : str
        Further facts for users.
    variant : str
        Name of the data set in files that contain several data sets.
    first_label : int
        Published label of the first class, which the loader maps to 0.
    """

    title: str
    folder: str
    layout: str
    urls: tuple[str, ...]
    files: Mapping[str, tuple[File, ...]]
    sizes: Mapping[str, int]
    image_shape: tuple[int, int]
    classes: Classes
    licence: str
    citation: str
    note: str = ""
    variant: str = ""
    first_label: int = 0

    def unique_files(self, subset: str) -> list[File]:
        """List the files of a subset without duplicates, since splits may share an archive."""
        return list(dict.fromkeys(chain.from_iterable(self.files[split] for split in SUBSETS[subset])))
