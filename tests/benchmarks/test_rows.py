"""Rows of results in CSV files, and the runs that resume from them."""

import pandas as pd
import pytest

import rows as module
from rows import OtherCircumstancesError, Rows

KEYS = {"model": "LeNet", "seed": 0}
HERE = {"revision": "f00", "cpu": "abacus", "openmp_threads": 2}


@pytest.fixture
def rows(tmp_path, monkeypatch):
    """Return a file with one row of the current revision, processor and number of threads."""
    monkeypatch.setattr(module, "circumstances", HERE.copy)
    rows = Rows(tmp_path / "rows.csv")
    assert rows.is_missing(KEYS)
    rows.add(KEYS | {"error_rate": 0.007})
    return rows


def test_run_is_resumed_in_the_same_circumstances(rows):
    assert not rows.is_missing(KEYS)
    assert rows.is_missing(KEYS | {"seed": 1})
    rows.add(KEYS | {"seed": 1, "error_rate": 0.008})
    written = pd.read_csv(rows.path)
    assert written["seed"].tolist() == [0, 1]
    assert written[list(HERE)].to_dict("records") == [HERE] * 2


@pytest.mark.parametrize(("name", "other"), [("revision", "ba2"), ("cpu", "slide rule"), ("openmp_threads", 1)])
def test_other_circumstances_are_refused_before_the_measurement(rows, monkeypatch, name, other):
    monkeypatch.setattr(module, "circumstances", lambda: HERE | {name: other})
    assert not rows.is_missing(KEYS)  # existing rows can still be shown
    message = rf"rows\.csv has rows with {name} '{HERE[name]}', but {name} is '{other}' here, .*move the file away"
    with pytest.raises(OtherCircumstancesError, match=message):
        rows.is_missing(KEYS | {"seed": 1})


@pytest.mark.slow
def test_rows_without_circumstances_are_refused(tmp_path):
    (tmp_path / "rows.csv").write_text("model,seed,error_rate\nLeNet,0,0.007\n")
    rows = Rows(tmp_path / "rows.csv")
    assert not rows.is_missing(KEYS)
    with pytest.raises(OtherCircumstancesError, match=r"has rows with revision 'unknown', but revision is '.*' here"):
        rows.is_missing(KEYS | {"seed": 1})
