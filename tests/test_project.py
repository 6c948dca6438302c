"""The files around the package agree with one another. Sdists lack the files of the repository's host."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

in_repository = pytest.mark.skipif(not WORKFLOWS, reason="this is no repository, but an sdist")


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def declared_versions():
    return re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))


def test_lowest_python_is_the_first_that_is_declared():
    assert PROJECT["requires-python"] == f">={declared_versions()[0]}"


@in_repository
def test_workflows_run_the_declared_versions_of_python():
    matrices = re.findall(r"python: \[(.*)\]", read(".github/workflows/tests.yml"))
    assert len(matrices) == 2
    for matrix in matrices:
        assert re.findall(r"3\.\d+", matrix) == declared_versions()


@in_repository
def test_actions_are_pinned_by_their_commits():
    actions = [
        action
        for path in WORKFLOWS
        for action in re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))
        if not action.startswith("./")
    ]
    assert len(actions) >= 6
    assert [action for action in actions if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", action)] == []


@in_repository
def test_only_the_upload_may_ask_for_an_identity():
    assert [path.name for path in WORKFLOWS if "id-token" in path.read_text(encoding="utf-8")] == ["publish.yml"]
    workflow = read(".github/workflows/publish.yml")
    _, _, upload = workflow.partition("\n  upload:\n")
    assert workflow.count("id-token: write") == upload.count("id-token: write") == 1


@in_repository
def test_pre_commit_runs_the_pinned_ruff():
    revision = re.search(r"rev: v([\d.]+)", read(".pre-commit-config.yaml"))[1]
    assert f"\nruff=={revision}\n" in read("constraints.txt")


@in_repository
def test_files_that_the_pages_for_contributors_name_exist():
    for page in "CONTRIBUTING.md", "SECURITY.md":
        names = re.findall(r"`((?:sklenet|tests|benchmarks|docs|\.ci|\.github)/[\w./-]*)`", read(page))
        links = re.findall(r"\]\(([\w./-]+)\)", read(page))
        assert [name for name in [*names, *links] if not (ROOT / name).exists()] == []
