"""Write files."""

import errno
import os
import secrets
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file as a whole or not at all: a call that fails or is interrupted leaves the former file as it was.

    Parameters
    ----------
    path : str or os.PathLike
        Name of the file, in a folder that exists.
    content : bytes
        Content of the file.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    check_folder(path)
    path = Path(os.path.realpath(path))  # a link stays a link
    # In the same folder, because a file cannot be moved to another file system in one step.
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with scratch.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except BaseException:  # Ctrl-C included; every exception is raised again
        scratch.unlink(missing_ok=True)
        raise


def check_folder(path: str | os.PathLike[str]) -> None:
    """Raise a FileNotFoundError if the folder of a file to be written does not exist."""
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, "There is no such folder", str(folder))
