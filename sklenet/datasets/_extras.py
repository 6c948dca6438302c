"""Import optional dependencies."""

import importlib
from typing import Any


def import_extra(name: str) -> Any:
    """Import a module of a package that the extra "datasets" installs.

    Parameters
    ----------
    name : str
        Name of the module, as in an import statement.

    Returns
    -------
    module : module

    Raises
    ------
    ImportError
        If the package is missing. The message says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if error.name != package:
            raise  # the package is installed, and lacks a dependency of its own
        raise ImportError(
            f"This function needs the package {package}, which is not installed; "
            f"install the extra that contains it: pip install 'sklenet[datasets]'"
        ) from error
