"""Rows of results in CSV files, which runs that were stopped go on with."""

import pandas as pd
import pytest

import rows as module
from rows import OtherCircumstancesError, Rows

KEYS = {"model": "LeNet", "seed": 0}
HERE = {"revision": "f00", "cpu": "abacus", "openmp_threads": 2}


@pytest.fixture
def rows(tmp_path, monkeypatch):
    """A file with one row, of this revision, processor and number of threads."""
    monkeypatch.setattr(module, "circumstances", HERE.copy)
    rows = Rows(tmp_path / "rows.csv")
    assert rows.lack(KEYS)
    rows.add(KEYS | {"error_rate": 0.007})
    return rows


def test_rows_are_gone_on_with_where_all_is_alike(rows):
    assert not rows.lack(KEYS)
    assert rows.lack(KEYS | {"seed": 1})
    rows.add(KEYS | {"seed": 1, "error_rate": 0.008})
    written = pd.read_csv(rows.path)
    assert written["seed"].tolist() == [0, 1]
    assert written[list(HERE)].to_dict("records") == [HERE] * 2


@pytest.mark.parametrize(("name", "other"), [("revision", "ba2"), ("cpu", "slide rule"), ("openmp_threads", 1)])
def test_rows_of_other_circumstances_are_refused_before_the_work(rows, monkeypatch, name, other):
    monkeypatch.setattr(module, "circumstances", lambda: HERE | {name: other})
    assert not rows.lack(KEYS)  # what is there can be shown
    words = rf"rows\.csv has rows of {name} '{HERE[name]}', not '{other}' as here: .*move the file away"
    with pytest.raises(OtherCircumstancesError, match=words):
        rows.lack(KEYS | {"seed": 1})


def test_rows_that_do_not_say_where_they_are_from_are_refused(tmp_path):
    (tmp_path / "rows.csv").write_text("model,seed,error_rate\nLeNet,0,0.007\n")
    rows = Rows(tmp_path / "rows.csv")
    assert not rows.lack(KEYS)
    with pytest.raises(OtherCircumstancesError, match=r"has rows of revision 'unknown', not '.*' as here"):
        rows.lack(KEYS | {"seed": 1})
