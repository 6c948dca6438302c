"""The examples of the gallery run without a warning and end in a picture."""

import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from releases import needs_temperature

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("plot_*.py"))


@pytest.fixture
def figures(monkeypatch):
    """Figures that are open when a program shows them, each once."""
    shown = []
    plt.close("all")
    plt.switch_backend("Agg")
    monkeypatch.setattr(plt, "show", lambda: shown.extend(plt.figure(number) for number in plt.get_fignums()))
    yield shown
    plt.close("all")


@pytest.mark.slow
@pytest.mark.parametrize(
    "example",
    [
        pytest.param(path, marks=[needs_temperature] if "calibration" in path.stem else [], id=path.stem)
        for path in EXAMPLES
    ],
)
def test_example_runs_and_ends_in_a_picture(example, figures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(example))
    assert any(figure.axes for figure in figures)
    assert list(tmp_path.iterdir()) == []  # an example leaves no files


def test_the_gallery_has_examples():
    assert len(EXAMPLES) > 10
