"""Test each published layout with small generated files and with the real files."""

import gzip
import hashlib
import io
import os
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import GroupKFold

from layout_writers import zip_bytes
from sklenet.datasets import fetch_dataset, list_datasets
from sklenet.datasets._fetch import _describe
from sklenet.datasets._layouts import LAYOUTS
from sklenet.datasets._registry import DATASETS

HOME = os.environ.get("SKLENET_DATA")
NAMES = list(DATASETS)
EMNIST = [name for name in NAMES if name.startswith("emnist")]


def needs(folder):
    is_found = HOME and Path(HOME, folder).is_dir()
    return pytest.mark.skipif(not is_found, reason=f"SKLENET_DATA names no folder with {folder}/")


@pytest.mark.parametrize("name", NAMES)
def test_all_splits_of_all_data_sets(tmp_path, publish, name):
    published = publish(name)
    published.write(tmp_path)
    expected = published.splits | {
        "all": [np.concatenate(arrays) for arrays in zip(*published.splits.values(), strict=True)]
    }
    for subset, (images, labels) in expected.items():
        data = fetch_dataset(name, subset=subset, data_home=tmp_path, download_if_missing=False)
        assert_array_equal(data.images, images)
        assert_array_equal(data.target, labels)
        assert data.data.shape == (len(images), images[0].size)
        assert (data.data.dtype, data.target.dtype) == (np.uint8, np.int64)
        assert data.data.flags.writeable
        assert np.shares_memory(data.data, data.images)
        assert_array_equal(data.target_names, published.dataset.classes)
        assert (data.metadata is None) == (name not in {"qmnist", "omniglot"})
        assert data.frame is None
        for fact in published.dataset.title, published.dataset.licence, published.dataset.citation:
            assert fact in data.DESCR


@pytest.mark.parametrize("name", [name for name in NAMES if name not in EMNIST])
@pytest.mark.parametrize(("subset", "other"), [("train", "test"), ("test", "train")])
def test_split_needs_only_its_own_files(tmp_path, publish, name, subset, other):
    published = publish(name)
    folder = published.write(tmp_path)
    for file in published.dataset.files[other]:
        (folder / file.name).unlink()
    data = fetch_dataset(name, subset=subset, data_home=tmp_path, download_if_missing=False)
    assert_array_equal(data.images, published.splits[subset][0])
    with pytest.raises(OSError, match=f"lacks {published.dataset.files[other][0].name}"):
        fetch_dataset(name, data_home=tmp_path, download_if_missing=False)


def test_cached_files_are_not_written(tmp_path, publish, monkeypatch):
    publish("mnist").write(tmp_path)
    monkeypatch.setenv("SKLENET_DATA", str(tmp_path))
    before = {path: path.stat().st_mtime_ns for path in sorted(tmp_path.rglob("*"))}
    fetch_dataset("mnist")
    assert {path: path.stat().st_mtime_ns for path in sorted(tmp_path.rglob("*"))} == before


def test_metadata_of_qmnist_contain_the_writers(tmp_path, publish):
    publish("qmnist").write(tmp_path)
    digits = fetch_dataset("qmnist", subset="train", data_home=tmp_path)
    assert list(digits.metadata) == ["series", "writer", "writer_index", "nist_class", "nist_index", "duplicate"]
    assert_array_equal(digits.metadata["writer"], [2100, 2100, 2101, 2101, 2102, 2102, 2103])
    assert_array_equal(digits.metadata["nist_class"], 30 + digits.target)
    for train, test in GroupKFold(3).split(digits.data, digits.target, digits.metadata["writer"]):
        assert not set(digits.metadata["writer"][train]) & set(digits.metadata["writer"][test])


def test_metadata_of_omniglot_contain_the_drawers(tmp_path, publish):
    publish("omniglot").write(tmp_path)
    characters = fetch_dataset("omniglot", data_home=tmp_path)
    assert len(characters.target_names) == 964 + 659
    assert characters.target_names[characters.target[3]] == "Anglo-Saxon_Futhorc/character01"
    assert characters.target_names[-1] == "ULOG/character26"
    assert_array_equal(characters.metadata["drawer"], [1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5])


def test_class_names():
    assert DATASETS["emnist_byclass"].classes[35:37] == ("Z", "a")
    assert len(DATASETS["emnist_balanced"].classes) == 47
    assert len(DATASETS["kuzushiji49"].classes) == 49
    assert DATASETS["kuzushiji49"].classes[-1] == "ゝ"
    assert {len(set(dataset.classes)) - len(dataset.classes) for dataset in DATASETS.values()} == {0}


def test_registry_is_complete():
    for dataset in DATASETS.values():
        assert dataset.layout in LAYOUTS
        assert dataset.files.keys() == dataset.sizes.keys() == {"train", "test"}
        assert all(url.endswith("/") for url in dataset.urls)
        for file in dataset.unique_files("all"):
            assert len(bytes.fromhex(file.md5)) == 16
            assert file.sha256 is None or len(bytes.fromhex(file.sha256)) == 32


# Published numbers of training and test images, of pixels of a side, and of classes, and the label of the first class.
FACTS = {
    "mnist": (60_000, 10_000, 28, 10, 0),
    "fashion_mnist": (60_000, 10_000, 28, 10, 0),
    "kmnist": (60_000, 10_000, 28, 10, 0),
    "kuzushiji49": (232_365, 38_547, 28, 49, 0),
    "qmnist": (60_000, 60_000, 28, 10, 0),
    "emnist_letters": (124_800, 20_800, 28, 26, 1),
    "emnist_balanced": (112_800, 18_800, 28, 47, 0),
    "emnist_digits": (240_000, 40_000, 28, 10, 0),
    "emnist_byclass": (697_932, 116_323, 28, 62, 0),
    "emnist_bymerge": (697_932, 116_323, 28, 47, 0),
    "usps": (7_291, 2_007, 16, 10, 1),
    "omniglot": (19_280, 13_180, 105, 1623, 0),
}


@pytest.mark.parametrize("name", NAMES)
def test_registry_has_the_published_facts(tmp_path, name):
    n_train, n_test, side, n_classes, first_label = FACTS[name]
    assert DATASETS[name].first_label == first_label
    row = list_datasets(tmp_path).loc[name, ["n_train", "n_test", "height", "width", "n_classes"]]
    assert row.to_list() == [n_train, n_test, side, side, n_classes]
    assert (
        f"{n_train:,} train images, {n_test:,} test images of {side} × {side} pixels, uint8, {n_classes:,} classes."
        in _describe(DATASETS[name])
    )


def test_as_frame(tmp_path, publish):
    publish("usps").write(tmp_path)
    plain = fetch_dataset("usps", data_home=tmp_path)
    digits = fetch_dataset("usps", data_home=tmp_path, as_frame=True)
    assert digits.data.columns[0] == "pixel_0_0"
    assert digits.data.columns[-1] == "pixel_15_15"
    assert_array_equal(digits.data, plain.data)
    assert_array_equal(digits.frame["target"], plain.target)
    X, y = fetch_dataset("usps", data_home=tmp_path, return_X_y=True)
    assert_array_equal(X, plain.data)
    assert_array_equal(y, plain.target)


@pytest.mark.parametrize("name", ["minst", "MNIST", "emnist", "", 3, []])
def test_unknown_name_is_refused_with_similar_names(name):
    similar = {"minst": "did you mean 'mnist' or 'qmnist' or 'kmnist'?", "emnist": "did you mean .*'mnist'"}
    with pytest.raises(ValueError, match=similar.get(str(name), "choose from mnist, fashion_mnist,")):
        fetch_dataset(name)


def test_unknown_subset_is_refused():
    with pytest.raises(ValueError, match=r"'subset' parameter of fetch_dataset must be one of \['all',.* Got 'dev'"):
        fetch_dataset("mnist", subset="dev")


@pytest.mark.parametrize("parameter", [{"n_retries": -1}, {"delay": -0.5}])
def test_negative_number_is_refused(tmp_path, parameter):
    with pytest.raises(ValueError, match="must be >= 0"):
        fetch_dataset("mnist", data_home=tmp_path, **parameter)


def test_changed_file_is_refused_and_kept(tmp_path, publish):
    folder = publish("mnist").write(tmp_path)
    path = folder / "t10k-labels-idx1-ubyte.gz"
    expected = hashlib.md5(path.read_bytes()).hexdigest()
    path.write_bytes(path.read_bytes() + b"\0")
    found = hashlib.md5(path.read_bytes()).hexdigest()
    with pytest.raises(ValueError, match=rf"{path} has md5 {found}, but the published file has {expected}"):
        fetch_dataset("mnist", data_home=tmp_path)
    assert path.is_file()
    fetch_dataset("mnist", subset="train", data_home=tmp_path)


def recompress(function):
    """Return a function that changes the training labels in files of the IDX layout."""

    def change(files):
        name = "train-labels-idx1-ubyte.gz"
        files[name] = gzip.compress(function(gzip.decompress(files[name])))

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (recompress(lambda idx: idx[:-1]), "damaged: its header declares shape"),
        (recompress(lambda idx: idx[:7] + b"\x06" + idx[8:-1]), "12 images, but labels of shape"),
        (recompress(lambda idx: idx[:-1] + b"\x0a"), "labels of mnist must be 0 to 9, but are 0 to 10"),
    ],
    ids=["truncated", "one label too few", "unknown class"],
)
def test_invalid_labels_are_refused(tmp_path, publish, change, message):
    publish("mnist", change=change).write(tmp_path)
    with pytest.raises(ValueError, match=message):
        fetch_dataset("mnist", data_home=tmp_path)


def test_images_of_another_size_are_refused(tmp_path, publish):
    publish("mnist", change=lambda files: files.update(make_wide(files))).write(tmp_path)
    with pytest.raises(ValueError, match=r"images of mnist are uint8 of shape \(7, 56, 14\), but must be"):
        fetch_dataset("mnist", subset="train", data_home=tmp_path)


def make_wide(files):
    name = "train-images-idx3-ubyte.gz"
    idx = gzip.decompress(files[name])
    return {name: gzip.compress(idx[:8] + bytes([0, 0, 0, 56, 0, 0, 0, 14]) + idx[16:])}


def test_list_shows_cached_splits(tmp_path, publish):
    publish("mnist").write(tmp_path)
    folder = publish("usps").write(tmp_path)
    (folder / "usps.bz2").unlink()
    table = list_datasets(tmp_path)
    assert list(table.index) == NAMES
    assert table["cached"].to_dict() == dict.fromkeys(NAMES, "") | {"mnist": "all", "usps": "test"}
    assert table.loc["omniglot", ["n_train", "n_test", "n_classes", "height"]].to_list() == [19280, 13180, 1623, 105]
    assert isinstance(table, pd.DataFrame)


def without(member):
    return lambda files: files.update({"gzip.zip": rename_member(files["gzip.zip"], member, "gzip/other")})


def rename_member(content, old, new):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return zip_bytes({new if name == old else name: archive.read(name) for name in archive.namelist()})


def rename_in_background(old, new):
    return lambda files: files.update(
        {"images_background.zip": rename_member(files["images_background.zip"], old, new)}
    )


OMNIGLOT_MEMBER = "images_background/Alphabet_of_the_Magi/character01/0000_01.png"


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "emnist_letters",
            without("gzip/emnist-letters-test-labels-idx1-ubyte.gz"),
            "it has no member 'gzip/emnist-letters-test-labels-idx1-ubyte.gz'",
        ),
        ("emnist_letters", without("gzip/emnist-mnist-train-images-idx3-ubyte.gz"), None),
        ("omniglot", rename_in_background(OMNIGLOT_MEMBER, OMNIGLOT_MEMBER.replace("ter01", "ter77")), "unknown char"),
        ("omniglot", lambda files: files.update({"images_background.zip": zip_bytes({"a": b""})}), "no images of char"),
        (
            "omniglot",
            lambda files: files.update({"images_background.zip": zip_bytes({OMNIGLOT_MEMBER: b"rubbish"})}),
            "member .*/0000_01.png': cannot identify image file",
        ),
        (
            "omniglot",
            lambda files: files.update({"images_background.zip": zip_bytes({OMNIGLOT_MEMBER: huge_png()})}),
            "member .*/0000_01.png': Image size .* decompression bomb",
        ),
    ],
    ids=["missing member", "member of another data set", "unknown character", "no characters", "not a picture", "bomb"],
)
def test_archives_with_invalid_members_are_refused(tmp_path, publish, name, change, message):
    publish(name, change=change).write(tmp_path)
    if message is None:
        fetch_dataset(name, data_home=tmp_path)
        return
    with pytest.raises(ValueError, match=message):
        fetch_dataset(name, data_home=tmp_path)


def huge_png():
    """Return the header of a picture of 400 million pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT"


REAL = {
    ("mnist", "train"): (
        [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
        "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    ),
    ("mnist", "test"): (
        [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
        "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    ),
    ("fashion_mnist", "train"): ([6000] * 10, "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012"),
    ("fashion_mnist", "test"): ([1000] * 10, "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a"),
    ("kmnist", "test"): ([1000] * 10, "dc10e73c6e83fb3fb3586eafece217ab6602e7825fa7d49399359bde3fc66f07"),
}


@pytest.mark.parametrize(("name", "subset"), [pytest.param(*key, marks=needs(key[0])) for key in REAL])
@pytest.mark.slow
def test_real_files(name, subset):
    counts, digest = REAL[name, subset]
    data = fetch_dataset(name, subset=subset, data_home=HOME, download_if_missing=False)
    assert len(data.images) == DATASETS[name].sizes[subset]
    assert_array_equal(np.bincount(data.target), counts)
    assert hashlib.sha256(data.data).hexdigest() == digest


@needs("mnist")
def test_real_digits_are_upright():
    data = fetch_dataset("mnist", subset="test", data_home=HOME)
    ones = data.images[data.target == 1].mean(axis=0) > 100
    assert ones.any(axis=1).sum() > 2 * ones.any(axis=0).sum()


@needs("mnist")
@pytest.mark.slow
def test_peak_memory_of_mnist_is_below_two_arrays():
    tracemalloc.start()
    try:
        data = fetch_dataset("mnist", data_home=HOME)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(data.images) == 70_000
    assert peak < 1.2 * data.data.nbytes
