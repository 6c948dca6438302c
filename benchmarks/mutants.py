"""Mutants: changes of one place of sklenet, drawn with a seed, and files of what the tests said about each.

The operators are those of cosmic-ray, which is imported when mutants are drawn, because only mutation.py needs it.
"""

import ast
import fnmatch
import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]

# Operators whose mutants are mostly of annotations (`X | None`) or equivalent (`is None`), and one that fails at names
# with a dot.
_LEFT_OUT = re.compile("Bit(Or|And|Xor)|[LR]Shift|_Is|ExceptionReplacer|Invert|Delete_|USub_Not")


@dataclass(frozen=True)
class Mutant:
    """A change of one place, and what the tests said about the change."""

    path: str
    line: int
    column: int
    operator: str
    occurrence: int
    before: str
    after: str
    result: str = ""
    killed_by: str = ""

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells mutants of one commit apart."""
        return self.path, self.operator, self.occurrence

    def apply(self, source: str) -> str:
        """Return the changed source."""
        from cosmic_ray.mutating import mutate_code
        from cosmic_ray.plugins import get_operator

        mutated: str = mutate_code(source, get_operator(self.operator)(), self.occurrence)
        return mutated


def draw(pattern: str, n_mutants: int) -> list[Mutant]:
    """Draw mutants of modules with a seed, at most one of a place."""
    candidates = [
        mutant for path in sorted(_ROOT.glob("sklenet/**/*.py")) for mutant in _mutants(path)
        if fnmatch.fnmatch(mutant.path, pattern)
    ]  # fmt: skip
    random.Random(0).shuffle(candidates)  # noqa: S311 - a sample
    drawn: dict[tuple[str, int, int], Mutant] = {}
    for mutant in candidates:
        if len(drawn) == n_mutants:
            break
        place = mutant.path, mutant.line, mutant.column
        if place not in drawn and (described := _describe(mutant)):
            drawn[place] = described
    return list(drawn.values())


def _mutants(path: Path) -> Iterator[Mutant]:
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import operator_names

    tree = get_ast(path.read_text(encoding="utf-8"))
    name = str(path.relative_to(_ROOT))
    for operator in operator_names():
        if _LEFT_OUT.search(operator):
            continue
        positions = [position for node in ast_nodes(tree) for position in _positions(operator, node)]
        for occurrence, (line, column) in enumerate(positions):
            yield Mutant(name, line, column, operator, occurrence, "", "")


def _positions(operator: str, node: Any) -> list[tuple[int, int]]:
    from cosmic_ray.plugins import get_operator

    try:
        made = get_operator(operator)()
    except TypeError:  # an operator that a configuration must describe
        return []
    return [start for start, _ in made.mutation_positions(node)]


def _describe(mutant: Mutant) -> Mutant | None:
    """Add the line before and after the change, or return None if the change is not valid or changes nothing."""
    source = (_ROOT / mutant.path).read_text(encoding="utf-8")
    mutated = mutant.apply(source)
    try:
        is_other = ast.dump(ast.parse(mutated)) != ast.dump(ast.parse(source))
    except SyntaxError:
        return None
    if not is_other:
        return None
    pairs = zip(source.splitlines(), mutated.splitlines(), strict=False)
    before, after = next((old.strip(), new.strip()) for old, new in pairs if old != new)
    return replace(mutant, before=before, after=after)


def read(path: Path) -> list[Mutant]:
    """Return the mutants of a file; none if the file does not exist yet."""
    if not path.exists():
        return []
    return [Mutant(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path: Path, mutants: Sequence[Mutant], mode: str = "w") -> None:
    """Write mutants to a file, a line of JSON each."""
    with path.open(mode, encoding="utf-8") as file:
        file.writelines(f"{json.dumps(asdict(mutant), ensure_ascii=False)}\n" for mutant in mutants)
