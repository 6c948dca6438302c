"""Records and predictions on disk."""

import errno
import json
import os

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from comparison import data, statistics
from comparison.protocol import Cell, settings
from comparison.store import BusyError, OtherSettingsError, Store, check_settings, load, other_circumstances, pack

CELL = Cell("digits", "svm")


def record_of(cell, **changes):
    return vars(cell) | {"status": "ok", "data_sha256": "abc", "n_test": 450} | settings() | changes


@pytest.fixture
def store(tmp_path):
    """Return a store with one finished cell."""
    store = Store(tmp_path / "results")
    split = data.load("digits")
    store.add_test("digits", split)
    store.add(CELL, record_of(CELL), predictions(split.y_test))
    return store


def predictions(labels):
    rng = np.random.default_rng(0)
    return {"labels": labels.astype(np.uint16), "proba": rng.dirichlet(np.ones(10), len(labels)).astype(np.float32)}


def test_written_results_are_loaded(store):
    split, results = data.load("digits"), load(store.folder)
    assert results.unreadable == []
    assert results.records[0]["model"] == "svm"
    assert_array_equal(results.predicted[CELL], split.y_test)
    assert_array_equal(results.tests["digits"].labels, split.y_test)
    assert_array_equal(results.tests["digits"].images, split.X_test)
    assert results.tests["digits"].classes == list("0123456789")
    proba = predictions(split.y_test)["proba"]
    assert results.calibration[CELL]["log_loss"] == statistics.mean_log_loss(proba, split.y_test)


def test_packed_results_are_the_same_with_the_kept_images(store, tmp_path):
    results = load(store.folder)
    pack(results, tmp_path / "packed", {"digits": np.array([3, 5])})
    packed = load(tmp_path / "packed")
    assert packed.records == results.records
    assert packed.calibration == results.calibration
    assert_array_equal(packed.predicted[CELL], results.predicted[CELL])
    assert packed.predicted[CELL].dtype == np.uint8
    test = packed.tests["digits"]
    assert_array_equal(test.labels, results.tests["digits"].labels)
    assert test.rows.tolist() == [3, 5]
    assert_array_equal(test.images, results.tests["digits"].images[[3, 5]])


@pytest.mark.parametrize("fault", ["cut record", "no record", "cut predictions", "no predictions", "no fields"])
def test_unreadable_record_is_skipped_and_named(store, fault):
    record, arrays = (
        store.folder / kind / f"{CELL}.{end}" for kind, end in [("records", "json"), ("predictions", "npz")]
    )
    if fault == "cut record":
        record.write_bytes(record.read_bytes()[:100])
    elif fault == "no record":
        record.unlink()
    elif fault == "cut predictions":
        arrays.write_bytes(arrays.read_bytes()[:-10])
    elif fault == "no predictions":
        arrays.unlink()
    else:
        record.write_text("{}")
    results = load(store.folder)
    assert (results.records, results.predicted) == ([], {})
    if fault != "no record":
        assert str(CELL) in results.unreadable[0]


def test_damaged_test_images_are_written_again(store):
    path = store.folder / "tests" / "digits.npz"
    whole = path.read_bytes()
    for damaged in (whole[:1000], b""):
        path.write_bytes(damaged)
        assert str(CELL) in load(store.folder).unreadable[0]
        store.add_test("digits", data.load("digits"))
        assert path.read_bytes() == whole
    assert load(store.folder).unreadable == []


def test_failed_cell_has_no_predictions(store):
    failed = Cell("digits", "knn")
    store.add(failed, record_of(failed, status="timeout"), {})
    results = load(store.folder)
    assert len(results.records) == 2
    assert set(results.predicted) == {CELL}


def test_second_run_is_refused_and_the_holder_is_named(store):
    with store.lock():
        with pytest.raises(BusyError, match=rf"is locked by process {os.getpid()} on .+ Wait for it"), store.lock():
            pass
        (store.folder / "records" / "x.json.writing").touch()
    with store.lock():
        assert list(store.folder.glob("*/*.writing")) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"torch": "1.0"}, r"torch is '1\.0' there and '\d.+' here"),
        ({"tuning": "none"}, "tuning is 'none' there and '6 candidates"),
        ({"data_sha256": "xyz"}, "data is 'xyz' there and 'abc' here"),
    ],
)
def test_other_settings_are_refused_and_named(changes, message):
    check_settings([record_of(CELL)], {"digits": "abc"})
    check_settings([record_of(CELL)], {})  # this run does not use the data set
    with pytest.raises(OtherSettingsError, match=message):
        check_settings([record_of(CELL, **changes)], {"digits": "abc"})


HERE = {"cpu": "abacus", "n_cpus": 2, "platform": "desk", "git_revision": "f00", "threads": 1, "n_jobs": 1}


@pytest.mark.parametrize("name", HERE)
def test_other_circumstances_are_reported_with_a_remedy(name):
    assert other_circumstances([record_of(CELL) | HERE], HERE) == ""
    records = [record_of(CELL) | HERE, record_of(CELL) | HERE | {name: "other"}]
    message = other_circumstances(records, HERE)
    difference = f"{name} is 'other' there and {HERE[name]!r} here"
    assert message.startswith(f"has 1 of 2 records with other circumstances: {difference}. ")
    assert "Their times are not compared with new ones" in message
    assert "choose another --output" in message


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")  # noqa: PTH110
def test_full_disk_leaves_the_finished_cells(store):
    other = Cell("digits", "knn")
    scratch = store.folder / "predictions" / f"{other}.npz.writing"
    scratch.symlink_to("/dev/full")
    with pytest.raises(OSError, match="finished cells are kept") as raised:
        store.add(other, record_of(other), predictions(np.zeros(450)))
    assert raised.value.errno == errno.ENOSPC
    assert not scratch.exists()
    assert set(load(store.folder).predicted) == {CELL}


def test_record_is_indented_json(store):
    text = (store.folder / "records" / f"{CELL}.json").read_text()
    assert json.loads(text)["n_test"] == 450
    assert text.count("\n") > 5
