"""Packages that only some loaders need."""

import importlib
from typing import Any


def import_extra(name: str) -> Any:
    """Import a module of a package that comes with the extra "datasets".

    Parameters
    ----------
    name : str
        Of the module, as in an import statement.

    Returns
    -------
    module : module

    Raises
    ------
    ImportError
        If the package is missing; says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if error.name != package:
            raise  # it is there, and lacks something itself
        raise ImportError(
            f"This needs the package {package}, which is not installed; "
            f"install the extra that has it: pip install 'sklenet[datasets]'"
        ) from error
