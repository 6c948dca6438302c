"""Import optional dependencies."""

import importlib
from typing import Any


def import_extra(name: str, extra: str = "datasets") -> Any:
    """Import a module of a package that an extra installs.

    Parameters
    ----------
    name : str
        Name of the module, as in an import statement.
    extra : str, default="datasets"
        Name of the extra.

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
            f"install the extra that contains it: pip install 'sklenet[{extra}]'"
        ) from error
