"""Which files of a folder are pictures, and of what class."""

import os
import warnings
from functools import cache
from pathlib import Path

from sklenet._checks import name_some
from sklenet.datasets._extras import import_extra

# Formats that Pillow opens and that are no pictures, or for which Pillow starts other programs.
_NO_PICTURES = {"BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "PALM", "PDF", "WMF"}
# What file managers and archives leave behind.
_LITTER = {"thumbs.db", "ehthumbs.db", "desktop.ini"}
_LITTER_FOLDER = "__MACOSX"
_SPLITS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev"}


@cache
def picture_formats() -> dict[str, str]:
    """Return Pillow's format for each suffix, in small letters, that the name of a picture may have."""
    image = import_extra("PIL.Image")
    readable = {suffix: name for suffix, name in image.registered_extensions().items() if name in image.OPEN}
    return {suffix: name for suffix, name in sorted(readable.items()) if name not in _NO_PICTURES}


def find_labelled(folder: Path) -> dict[str, list[Path]]:
    """List the pictures of each class, in an order that does not depend on the file system.

    Raises
    ------
    ValueError
        If pictures are outside of the folders of classes, a class has none, there are no folders, or they are splits.
    """
    entries = sorted(entry for entry in _check_folder(folder).iterdir() if not _is_hidden(entry))
    if stray := [entry.name for entry in entries if entry.is_file() and _is_picture(entry)]:
        raise ValueError(
            f"{folder} holds pictures outside of a class's folder: {name_some(stray)}. Put the pictures of each class "
            "into a folder named after the class, or pass label=None for pictures without labels."
        )
    folders = [entry for entry in entries if entry.is_dir()]
    if not folders:
        raise ValueError(
            f"{folder} holds no folders; put the pictures of each class into one, named after the class, or pass "
            "label=None for pictures without labels."
        )
    _refuse_splits(folder, folders)
    files = {entry.name: _walk(entry) for entry in folders}
    _warn_of_others([*filter(Path.is_file, entries), *(path for group in files.values() for path in group)])
    pictures = {name: [path for path in group if _is_picture(path)] for name, group in files.items()}
    if empty := [name for name, group in pictures.items() if not group]:
        raise ValueError(f"These folders in {folder} hold no pictures: {name_some(empty)}. {_suffixes()}")
    return pictures


def find_unlabelled(folder: Path) -> list[Path]:
    """List all pictures in a folder and in the folders in it, sorted by their paths.

    Raises
    ------
    ValueError
        If there are none.
    """
    files = _walk(_check_folder(folder))
    pictures = [path for path in files if _is_picture(path)]
    if not pictures:
        raise ValueError(f"{folder} holds no pictures. {_suffixes()}")
    _warn_of_others(files)
    return pictures


def _check_folder(folder: Path) -> Path:
    if folder.is_file():
        raise NotADirectoryError(
            f"{folder} is a file, and a folder of pictures is expected; put the picture into a folder and pass "
            "label=None."
        )
    return folder


def _refuse_splits(folder: Path, entries: list[Path]) -> None:
    """Refuse a folder of training and test sets, which would become classes."""
    names = [entry.name for entry in entries]
    has_classes = any(child.is_dir() and not _is_hidden(child) for entry in entries for child in entry.iterdir())
    if has_classes and all(name.lower() in _SPLITS for name in names):
        raise ValueError(
            f"{folder} holds the sets {name_some(names)} instead of classes; load each by itself, "
            f"such as load_image_folder({str(entries[0])!r})."
        )


def _walk(folder: Path) -> list[Path]:
    """List the files in a folder and in the folders in it; links to folders are not followed: they may lead back."""
    files = []
    for parent, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not _is_hidden(Path(name))]  # os.walk enters what is left
        files += [Path(parent, name) for name in names if not _is_hidden(Path(name))]
    return sorted(files)


def _raise(error: OSError) -> None:
    raise error


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in _LITTER or path.name == _LITTER_FOLDER


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in picture_formats()


def _warn_of_others(files: list[Path]) -> None:
    if others := [path.name for path in files if not _is_picture(path)]:
        warnings.warn(
            f"Passed over {len(others)} of {len(files)} files, because their names do not end like those of pictures: "
            f"{name_some(others)}.",
            UserWarning,
            stacklevel=4,
        )


def _suffixes() -> str:
    return f"The names of pictures end in one of {', '.join(picture_formats())}."
