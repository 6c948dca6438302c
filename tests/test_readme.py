"""The code in the README and the documentation runs, and the tables equal the committed results."""

import doctest
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


# Optuna declares plots with matplotlib experimental.
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize(
    ("page", "n_lines"),
    [
        ("README.md", 10),
        ("docs/datasets.md", 3),
        ("docs/scikit_learn.md", 8),
        ("docs/getting_started.md", 12),
        ("docs/tuning.md", 10),
        ("docs/drawing_page.md", 8),
        ("docs/inspection.md", 20),
        ("docs/novelty.md", 15),
        ("docs/onnx.md", 15),
        ("docs/performance.md", 4),
        ("docs/persistence.md", 10),
        ("docs/preprocessing.md", 15),
        ("docs/recipes.md", 3),
    ],
)
def test_code_of_the_page_runs(page, n_lines, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # because the code writes files
    test = doctest.DocTestParser().get_doctest((ROOT / page).read_text(encoding="utf-8"), {}, page, page, 0)
    results = doctest.DocTestRunner().run(test)
    assert results.attempted > n_lines
    assert results.failed == 0


@pytest.mark.parametrize(
    ("page", "marker", "command"),
    [
        ("README.md", "comparison", ["compare.py", "report", "benchmarks/results/comparison", "--summary"]),
        ("docs/benchmarks.md", "unseen fonts", ["unseen_fonts.py", "report"]),
        ("docs/design.md", "tune_defaults", ["tune_defaults.py", "--report"]),
        ("docs/preprocessing.md", "pictures", ["pictures.py", "report"]),
        ("docs/tuning.md", "tuning", ["tuning.py", "report"]),
        ("docs/recipes.md", "recipes", ["recipes.py", "report"]),
        ("docs/novelty.md", "novelty", ["novelty.py", "report"]),
        ("docs/onnx.md", "onnx", ["onnx_parity.py", "report"]),
        ("docs/performance.md", "speed", ["speed.py", "--report"]),
        ("docs/performance.md", "memory", ["memory.py", "--report"]),
    ],
)
def test_tables_equal_the_output_of_the_command(page, marker, command):
    program = [sys.executable, ROOT / "benchmarks" / command[0], *command[1:]]
    printed = subprocess.run(program, check=True, cwd=ROOT, capture_output=True, text=True).stdout
    _, _, rest = (ROOT / page).read_text(encoding="utf-8").partition(f"<!-- {marker} -->\n")
    tables, _, _ = rest.partition(f"<!-- end of {marker} -->")
    assert tables.strip() == printed.strip()


@pytest.mark.parametrize("command", ["compare", "test"])
def test_command_is_one_line(command):
    _, _, rest = README.partition(f"<!-- command: {command} -->\n```sh\n")
    block, _, _ = rest.partition("```")
    assert block.count("\n") == 1
