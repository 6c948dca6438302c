"""Find the pictures in a folder, and their classes."""

import os
import warnings
from pathlib import Path

from sklenet._checks import name_some
from sklenet._pictures import picture_formats

# Files and folders that file managers and archives create.
_SYSTEM_FILES = {"thumbs.db", "ehthumbs.db", "desktop.ini"}
_SYSTEM_FOLDER = "__MACOSX"
_SPLITS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev"}


def find_labelled(folder: Path) -> dict[str, list[Path]]:
    """List the pictures of each class, sorted by path.

    Raises
    ------
    ValueError
        If a picture is outside of the folders of the classes, if a class has no pictures, if the folder contains no
        folders, or if its folders are training and test sets.
    """
    entries = sorted(entry for entry in _check_folder(folder).iterdir() if not _is_hidden(entry))
    if stray := [entry.name for entry in entries if entry.is_file() and _is_picture(entry)]:
        raise ValueError(
            f"{folder} contains pictures outside of a class's folder: {name_some(stray)}. Put the pictures of each "
            "class into a folder named after the class, or pass label=None for pictures without labels."
        )
    folders = [entry for entry in entries if entry.is_dir()]
    if not folders:
        raise ValueError(
            f"{folder} contains no folders; put the pictures of each class into a folder named after the class, or "
            "pass label=None for pictures without labels."
        )
    _refuse_splits(folder, folders)
    files = {entry.name: _walk(entry) for entry in folders}
    _warn_skipped([*filter(Path.is_file, entries), *(path for group in files.values() for path in group)])
    pictures = {name: [path for path in group if _is_picture(path)] for name, group in files.items()}
    if empty := [name for name, group in pictures.items() if not group]:
        raise ValueError(f"These folders in {folder} contain no pictures: {name_some(empty)}. {_suffixes()}")
    return pictures


def find_unlabelled(folder: Path) -> list[Path]:
    """List all pictures in a folder, recursively, sorted by path.

    Raises
    ------
    ValueError
        If the folder contains no pictures.
    """
    files = _walk(_check_folder(folder))
    pictures = [path for path in files if _is_picture(path)]
    if not pictures:
        raise ValueError(f"{folder} contains no pictures. {_suffixes()}")
    _warn_skipped(files)
    return pictures


def _check_folder(folder: Path) -> Path:
    if folder.is_file():
        raise NotADirectoryError(
            f"{folder} is a file, but must be a folder of pictures; put the picture into a folder and pass label=None."
        )
    return folder


def _refuse_splits(folder: Path, entries: list[Path]) -> None:
    """Raise a ValueError if the folders are training and test sets, which would become classes."""
    names = [entry.name for entry in entries]
    has_classes = any(child.is_dir() and not _is_hidden(child) for entry in entries for child in entry.iterdir())
    if has_classes and all(name.lower() in _SPLITS for name in names):
        raise ValueError(
            f"{folder} contains the sets {name_some(names)} instead of classes; load each set separately, "
            f"such as load_image_folder({str(entries[0])!r})."
        )


def _walk(folder: Path) -> list[Path]:
    """List the files in a folder, recursively. Links to folders are not followed, because they may form a cycle."""
    files = []
    for parent, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not _is_hidden(Path(name))]  # os.walk enters the remaining folders
        files += [Path(parent, name) for name in names if not _is_hidden(Path(name))]
    return sorted(files)


def _raise(error: OSError) -> None:
    raise error


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in _SYSTEM_FILES or path.name == _SYSTEM_FOLDER


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in picture_formats()


def _warn_skipped(files: list[Path]) -> None:
    if skipped := [path.name for path in files if not _is_picture(path)]:
        warnings.warn(
            f"Skipped {len(skipped)} of {len(files)} files, because their names do not have the suffix of a picture: "
            f"{name_some(skipped)}.",
            UserWarning,
            stacklevel=4,
        )


def _suffixes() -> str:
    return f"The suffixes of pictures are {', '.join(picture_formats())}."
