"""Draw the pictures of inspection.md, by running the code of the page: `python docs/draw_inspection.py`."""

import doctest
import os
import sys
from pathlib import Path

import matplotlib as mpl

if __name__ == "__main__":
    folder = Path(__file__).parent
    mpl.use("Agg")
    os.chdir(folder / "images")  # the page saves the pictures
    sys.exit(doctest.testfile(str(folder / "inspection.md"), module_relative=False).failed)
