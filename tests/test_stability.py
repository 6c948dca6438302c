"""The page on stability lists the public interface, each name once."""

import re
from importlib import import_module
from pathlib import Path

import pytest

import sklenet

PAGE = (Path(__file__).parents[1] / "docs" / "stability.md").read_text(encoding="utf-8")
# The names of each module: promised, provisional.
ROWS = {
    module: [re.findall(r"`(\w+)`", cell) for cell in cells]
    for module, *cells in re.findall(r"^\| `(sklenet[\w.]*)` \|([^|]*)\|([^|]*)\|$", PAGE, re.MULTILINE)
}
SUBPACKAGES = sorted(set(dir(sklenet)) - set(sklenet.__all__))


def test_every_module_is_listed():
    assert list(ROWS) == ["sklenet", *(f"sklenet.{name}" for name in SUBPACKAGES)]


@pytest.mark.parametrize("module", ROWS)
def test_names_are_those_of_the_module(module):
    promised, provisional = ROWS[module]
    assert sorted([*promised, *provisional]) == sorted(import_module(module).__all__)
