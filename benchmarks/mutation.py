"""Mutation testing: change one place of sklenet at a time, and see whether a test fails.

    pip install cosmic-ray
    python benchmarks/mutation.py cover WORK [TEST_FILE ...]
    python benchmarks/mutation.py run WORK OUT
    python benchmarks/mutation.py table OUT

`cover` runs the tests once, and stores which tests execute which lines and how long each test takes. Files of tests
that were added since can be covered by a second call, as long as sklenet has not changed. `run` draws mutants of
cosmic-ray's operators with a seed. It runs the tests that execute the line of a mutant: first the fast ones, then slow
ones until these take half a minute. Mutants that OUT lists as killed are not run again, so that a second run shows
which survivors are killed by added tests. `table` prints the share of killed mutants and the survivors.

Every mutant is applied to a clone of the committed code, in a process forked from one that has imported the libraries.
"""

import argparse
import ast
import importlib
import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import coverage
import pytest

from formatting import as_markdown
from mutants import Mutant, draw, read, write

_ROOT = Path(__file__).resolve().parents[1]

# What these tests execute runs in other processes, where coverage has no name of a test.
_IN_OTHER_PROCESSES = {
    "test_processes.py", "test_examples.py", "test_readme.py", "test_site.py", "test_resume.py", "test_compare.py",
    "test_workers.py", "test_accelerator.py",
}  # fmt: skip

# Imported before the forks. Nothing that imports sklenet may be among them.
_LIBRARIES = (
    "hypothesis", "matplotlib.pyplot", "onnx", "onnxruntime", "optuna", "pandas", "polars", "pyarrow", "scipy.stats",
    "skimage.measure", "skimage.transform", "sklearn.ensemble", "sklearn.utils.estimator_checks", "skorch", "torch",
)  # fmt: skip

_MOST_FAST, _SLOW_SECONDS = 400, 30.0
_SECONDS_OF_A_TEST = 120
# pytest's rewriting of asserts warns of plugins that the parent process has imported.
_OPTIONS = ["--timeout", str(_SECONDS_OF_A_TEST), "-W", "ignore::pytest.PytestAssertRewriteWarning"]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for command, names in (cover, ("work",)), (run, ("work", "out")), (table, ("out",)):
        of_command = commands.add_parser(command.__name__)
        of_command.set_defaults(command=command)
        for name in names:
            of_command.add_argument(name, type=Path)
        if command is cover:
            of_command.add_argument("files", nargs="*", help="default: all files")
        if command is run:
            of_command.add_argument("--n-mutants", type=int, default=330)
            of_command.add_argument("--paths", default="sklenet/*", help="a pattern of the modules to change")
        if command is not table:
            of_command.add_argument("--n-jobs", type=int, default=2)
    arguments = parser.parse_args()
    arguments.command(arguments)


def cover(arguments: argparse.Namespace) -> None:
    """Store which tests execute which lines, and how long each test takes."""
    _clone(arguments.work, arguments.n_jobs)
    _import_libraries()
    all_files = [path for path in sorted((_ROOT / "tests").rglob("test_*.py")) if path.name not in _IN_OTHER_PROCESSES]
    files = arguments.files or [str(path.relative_to(_ROOT)) for path in all_files]
    earlier = sorted(arguments.work.glob("cover*.json"))
    if not arguments.files:
        for path in earlier:
            path.unlink()
        earlier = []
    # Neighbours are of one subject and take about as long: deal them out.
    shares = [files[job :: arguments.n_jobs] for job in range(arguments.n_jobs)]
    outputs = [arguments.work.resolve() / f"cover{len(earlier) + job}.json" for job in range(arguments.n_jobs)]
    _in_jobs(
        _cover_share,
        [(arguments.work, *each) for each in zip(range(arguments.n_jobs), shares, outputs, strict=True) if each[1]],
    )


def run(arguments: argparse.Namespace) -> None:
    """Run the tests against mutants, and write a table of what they said."""
    _clone(arguments.work, arguments.n_jobs)
    known = {mutant.key: mutant for mutant in read(arguments.out)}
    drawn = draw(arguments.paths, arguments.n_mutants)
    killed = [known[each.key] for each in drawn if known.get(each.key, each).result.startswith("killed")]
    write(arguments.out, killed)
    killed_keys = {mutant.key for mutant in killed}
    to_run = [mutant for mutant in drawn if mutant.key not in killed_keys]
    _import_libraries()
    shares = [to_run[job :: arguments.n_jobs] for job in range(arguments.n_jobs)]
    _in_jobs(_run_share, [(arguments.work, job, arguments.out, share) for job, share in enumerate(shares)])
    write(arguments.out, sorted(read(arguments.out), key=lambda mutant: (mutant.path, mutant.line, mutant.column)))
    table(arguments)


def table(arguments: argparse.Namespace) -> None:
    """Print the share that was killed and the survivors."""
    import pandas as pd

    mutants = read(arguments.out)
    survivors = [mutant for mutant in mutants if not mutant.result.startswith("killed")]
    n_killed = len(mutants) - len(survivors)
    print(f"{n_killed} of {len(mutants)} mutants killed: {n_killed / len(mutants):.1%}\n")
    rows = [(f"{each.path}:{each.line}", each.before, each.after, each.result) for each in survivors]
    print(as_markdown(pd.DataFrame(rows, columns=["place", "code", "mutant", "result"])))


def _clone(work: Path, n_jobs: int) -> None:
    work.mkdir(parents=True, exist_ok=True)
    for job in range(n_jobs):
        clone = work / f"clone{job}"
        if not clone.exists():
            subprocess.run(["git", "clone", "--quiet", _ROOT, clone], check=True)  # noqa: S603, S607
        for command in ["fetch", "--quiet", "origin", "HEAD"], ["reset", "--quiet", "--hard", "FETCH_HEAD"]:
            subprocess.run(["git", *command], cwd=clone, check=True)  # noqa: S603, S607


def _import_libraries() -> None:
    os.environ.update(OMP_NUM_THREADS="1", MPLBACKEND="Agg")  # the jobs share the cores
    for name in _LIBRARIES:
        importlib.import_module(name)
    if any(name.partition(".")[0] == "sklenet" for name in sys.modules):
        raise RuntimeError("a library imported sklenet, which would hide the mutants")


def _fork(function: Any, arguments: tuple[Any, ...]) -> multiprocessing.process.BaseProcess:
    process = multiprocessing.get_context("fork").Process(target=function, args=arguments)
    process.start()
    return process


def _in_jobs(function: Any, arguments: Sequence[tuple[Any, ...]]) -> None:
    jobs = [_fork(function, each) for each in arguments]
    for job in jobs:
        job.join()
    if any(job.exitcode for job in jobs):
        raise SystemExit("a job failed")


def _enter(clone: Path) -> None:
    os.chdir(clone)
    os.environ["PYTHONPATH"] = str(clone)
    sys.path[:0] = [str(clone), str(clone / "tests"), str(clone / "benchmarks")]


class _Contexts:
    """A plugin of pytest that tells coverage the name of the test, and keeps durations and marks."""

    def __init__(self, meter: coverage.Coverage) -> None:
        self.meter = meter
        self.seconds: dict[str, float] = {}
        self.slow: list[str] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.slow = [item.nodeid for item in items if item.get_closest_marker("slow")]

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.meter.switch_context(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration


def _cover_share(work: Path, job: int, files: list[str], output: Path) -> None:
    clone = work.resolve() / f"clone{job}"
    _enter(clone)
    meter = coverage.Coverage(data_file=None, config_file=False, source=[str(clone / "sklenet")])
    contexts = _Contexts(meter)
    meter.start()
    code = pytest.main(["-q", "-p", "no:cacheprovider", *_OPTIONS, *files], plugins=[contexts])
    meter.stop()
    data = meter.get_data()
    lines = {
        str(Path(path).relative_to(clone)): {
            line: [test for test in tests if test] for line, tests in data.contexts_by_lineno(path).items()
        }
        for path in data.measured_files()
    }
    kept = {"lines": lines, "seconds": contexts.seconds, "slow": contexts.slow}
    output.write_text(json.dumps(kept), encoding="utf-8")
    if code != pytest.ExitCode.OK:
        raise SystemExit("tests of the code without a change failed")


class _Covering:
    """The tests that execute a line, those that are likely to notice a change of the line first."""

    def __init__(self, work: Path) -> None:
        self.lines: dict[str, dict[int, set[str]]] = {}
        self.seconds: dict[str, float] = {}
        self.slow: set[str] = set()
        for path in sorted(work.glob("cover*.json")):
            kept = json.loads(path.read_text(encoding="utf-8"))
            self.seconds |= kept["seconds"]
            self.slow |= set(kept["slow"])
            for module, lines in kept["lines"].items():
                for line, tests in lines.items():
                    self.lines.setdefault(module, {}).setdefault(int(line), set()).update(tests)

    def stages(self, mutant: Mutant) -> list[list[str]]:
        """Return the tests in the order in which they are run: a few fast ones, all fast ones, slow ones."""
        tests = sorted(self._tests(mutant), key=lambda test: self._rank(mutant, test))
        fast = [test for test in tests if test not in self.slow]
        slow, total = [], 0.0
        for test in tests:
            if test in self.slow and total < _SLOW_SECONDS:
                slow.append(test)
                total += self.seconds[test]
        stages = [fast[:30], fast[30:_MOST_FAST], slow[:3], slow[3:]]
        return [stage for stage in stages if stage]

    def _tests(self, mutant: Mutant) -> set[str]:
        of_module = self.lines.get(mutant.path, {})
        tests = of_module.get(mutant.line, set())
        if not tests:  # a later line of a statement
            tree = ast.parse((_ROOT / mutant.path).read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                is_simple = isinstance(node, ast.stmt) and not hasattr(node, "body")
                if is_simple and node.lineno <= mutant.line <= (node.end_lineno or 0):  # type: ignore[attr-defined]
                    tests = tests | of_module.get(node.lineno, set())  # type: ignore[attr-defined]
        # What runs at import has no test's name.
        tests = tests or set().union(*of_module.values())
        return {test for test in tests if test in self.seconds and test.isprintable()}

    def _rank(self, mutant: Mutant, test: str) -> tuple[int, float]:
        path = Path(mutant.path)
        is_of_module = f"test_{path.stem.strip('_')}.py" in test
        is_of_package = path.parent.name.strip("_") in test
        return 0 if is_of_module else 1 if is_of_package else 2, self.seconds[test]


def _run_share(work: Path, job: int, out: Path, mutants: Sequence[Mutant]) -> None:
    clone, covering = work.resolve() / f"clone{job}", _Covering(work)
    out = out.resolve()
    _enter(clone)
    for mutant in mutants:
        path = clone / mutant.path
        source = path.read_text(encoding="utf-8")
        path.write_text(mutant.apply(source), encoding="utf-8")
        try:
            result, killed_by = _judge(covering, mutant, clone.with_suffix(".log"))
        finally:
            path.write_text(source, encoding="utf-8")
        write(out, [replace(mutant, result=result, killed_by=killed_by)], mode="a")


def _judge(covering: _Covering, mutant: Mutant, log: Path) -> tuple[str, str]:
    stages = covering.stages(mutant)
    for stage in stages:
        limit = 2 * _SECONDS_OF_A_TEST + 5 * sum(covering.seconds[test] for test in stage)
        result = _run_tests(stage, limit, log)
        if result != "passed":
            failed = re.findall(r"^(?:FAILED|ERROR) (\S+?)(?: - .*)?$", log.read_text(encoding="utf-8"), re.MULTILINE)
            return f"killed: {result}", failed[0] if failed else ""
    return (f"survived {sum(map(len, stages))} tests" if stages else "no test"), ""


def _run_tests(tests: list[str], limit: float, log: Path) -> str:
    child = _fork(_pytest, (tests, log))
    child.join(limit)
    if child.is_alive():
        os.killpg(child.pid or 0, signal.SIGKILL)  # with what the tests started
        child.join()
        return "timeout"
    return {0: "passed", 1: "failed"}.get(child.exitcode or 0, f"exit code {child.exitcode}")


def _pytest(tests: list[str], log: Path) -> None:
    os.setsid()
    with log.open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", *_OPTIONS, *tests])
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(code))  # threads of the tests may still run


if __name__ == "__main__":
    main()
