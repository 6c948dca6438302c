"""The files of mutants, and what the documentation says of them."""

from dataclasses import replace
from pathlib import Path

from mutants import Mutant, read, write

ROOT = Path(__file__).parents[2]


def test_written_mutants_are_read(tmp_path):
    mutant = Mutant("sklenet/_files.py", 3, 4, "core/AddNot", 0, "if a:", "if not a: # ü")
    assert read(tmp_path / "mutants.jsonl") == []
    write(tmp_path / "mutants.jsonl", [mutant])
    write(tmp_path / "mutants.jsonl", [replace(mutant, line=5, result="killed: failed")], mode="a")
    assert read(tmp_path / "mutants.jsonl") == [mutant, replace(mutant, line=5, result="killed: failed")]


def test_documentation_lists_the_mutants_that_survived():
    mutants = read(ROOT / "benchmarks" / "results" / "mutation.jsonl")
    survivors = [mutant for mutant in mutants if not mutant.result.startswith("killed")]
    page = " ".join((ROOT / "docs" / "reliability.md").read_text(encoding="utf-8").split())
    n_killed = len(mutants) - len(survivors)
    assert f"Of {len(mutants)} changes drawn from all modules, the tests noticed {n_killed} " in page
    assert f"({100 * n_killed / len(mutants):.1f} %)" in page
    _, _, section = page.partition("## Mutation testing")
    for mutant in survivors:
        assert f"`{mutant.path.removeprefix('sklenet/')}:" in section
        assert str(mutant.line) in section
