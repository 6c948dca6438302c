import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from sklenet.datasets import load_mnist_sample, load_pixel_csv
from sklenet.datasets._columns import find_order, refuse_data_as_header


def save_pixel_csv(path, images, target, label="label"):
    """Write images and labels in the layout that load_pixel_csv reads."""
    table = pd.DataFrame(images.reshape(len(images), -1)).add_prefix("pixel")
    table.insert(0, label, target)
    table.to_csv(path, index=False)
    return path


@pytest.mark.slow
def test_round_trip(tmp_path):
    sample = load_mnist_sample(subset="test")
    path = save_pixel_csv(tmp_path / "train.csv", sample.images, sample.target)
    data = load_pixel_csv(path)
    assert_array_equal(data.images, sample.images)
    assert_array_equal(data.target, sample.target)
    assert_array_equal(data.target_names, np.arange(10))
    assert (data.data.dtype, data.target.dtype) == (np.uint8, np.int64)
    assert data.feature_names[:2] == ["pixel_0_0", "pixel_0_1"]
    assert np.shares_memory(data.data, data.images)
    X, y = load_pixel_csv(path, return_X_y=True)
    assert_array_equal(X, sample.data)
    assert_array_equal(y, sample.target)


@given(images=arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(1, 9))))
@settings(deadline=None, max_examples=30)
@pytest.mark.slow
def test_round_trip_of_any_images(tmp_path_factory, images):
    path = save_pixel_csv(tmp_path_factory.mktemp("csv") / "images.csv", images, "x")
    assert_array_equal(load_pixel_csv(path, image_shape=images.shape[1:]).images, images)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["7", "7"], np.array([7, 7])),
        (["7.0", "2.0"], np.array([7, 2])),
        (["-1", "1"], np.array([-1, 1])),
        (["A", "b"], np.array(["A", "b"])),
        (["A", "7"], np.array(["A", "7"])),
        (["NA", "nan"], np.array(["NA", "nan"])),
        (["0.5", "1"], np.array(["0.5", "1.0"])),
        (["1e300", "inf"], np.array(["1e+300", "inf"])),
        (["18446744073709551615", "1"], np.array(["18446744073709551615", "1"])),
        (["True", "False"], np.array(["True", "False"])),
    ],
)
def test_labels(tmp_path, labels, expected):
    path = tmp_path / "labels.csv"
    path.write_text(f"label,p\n{labels[0]},1\n{labels[1]},2\n")
    target = load_pixel_csv(path).target
    assert_array_equal(target, expected)
    assert target.dtype.kind == expected.dtype.kind


def test_column_of_labels_may_have_any_position_and_name(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("p1,digit,p2\n10,3,20\n")
    data = load_pixel_csv(path, label="digit", image_shape=(1, 2))
    assert_array_equal(data.data, [[10, 20]])
    assert_array_equal(data.target, [3])


def test_without_labels(tmp_path):
    path = tmp_path / "test.csv"
    path.write_text("p1,p2,p3,p4\n1,2,3,4\n")
    data = load_pixel_csv(path, label=None, as_frame=True)
    assert (data.target, data.target_names) == (None, None)
    assert data.frame.shape == (1, 4)
    X, y = load_pixel_csv(path, label=None, return_X_y=True)
    assert_array_equal(X, [[1, 2, 3, 4]])
    assert y is None


def test_compressed_file_is_read(tmp_path):
    images = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    path = save_pixel_csv(tmp_path / "train.csv.gz", images, [1, 2])
    assert_array_equal(load_pixel_csv(path).images, images)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "cannot be read as a table: No columns", id="empty"),
        pytest.param("label,p\n", "has no rows below its header", id="header alone"),
        pytest.param(
            "digit,p\n1,2\n", r"has no column 'label' .* its columns are 'digit', 'p'\. Pass", id="other label"
        ),
        pytest.param("label,a,b,c,d\n1,2,3,4,5\n1,2,3\n", "line 3, column 'c': .* is empty, or its row is", id="short"),
        pytest.param("label,a\n1,2\n1,2,3\n", "Expected 2 fields in line 3, saw 3", id="long"),
        pytest.param("label,a\n1,2,3\n1,2,3\n", "line 2: the row has more fields", id="all rows long"),
        pytest.param("label,a\n1,2\n1,x\n", "line 3, column 'a': the value must be an integer .* is 'x'", id="text"),
        pytest.param("label,a\n1,2\n1,256\n", "line 3, column 'a': .* 0 to 255, but is '256'", id="too large"),
        pytest.param("label,a\n1,-1\n", "line 2, column 'a': .* is '-1'", id="negative"),
        pytest.param("label,a\n1,0.5\n", "line 2, column 'a': .* is '0.5'", id="fraction"),
        pytest.param("label,a\n1,inf\n", "line 2, column 'a': .* is 'inf'", id="infinity"),
        pytest.param(
            "label,a\n1,1\n,1\n", "line 3, column 'label': the value must be a label, but is empty", id="no label"
        ),
        pytest.param("label,a,b\n1,2,3\n", "2 columns of pixels, which is not a square; .*image_shape", id="no square"),
        pytest.param("label\n1\n", "0 columns of pixels, which is not a square", id="labels alone"),
        pytest.param('label,a\n1,"2\n', "cannot be read as a table: .*EOF", id="open quote"),
    ],
)
def test_invalid_tables_are_refused(tmp_path, text, message):
    path = tmp_path / "images.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as raised:
        load_pixel_csv(path)
    assert str(path) in str(raised.value)


def test_binary_file_is_refused(tmp_path):
    path = tmp_path / "images.csv"
    path.write_bytes(b"\x89PNG\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"images\.csv"):
        load_pixel_csv(path)


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zip"])
def test_file_with_the_wrong_suffix_is_refused(tmp_path, suffix):
    path = tmp_path / f"images.csv.{suffix}"
    path.write_text("label,a\n1,2\n")
    with pytest.raises(ValueError, match=rf"images\.csv\.{suffix} cannot be read as a table: "):
        load_pixel_csv(path)


def test_wrong_image_shape_is_refused(tmp_path):
    path = save_pixel_csv(tmp_path / "images.csv", np.zeros((2, 3, 4), np.uint8), [1, 2])
    with pytest.raises(ValueError, match="12 columns of pixels, which is not 3 × 5 = 15"):
        load_pixel_csv(path, image_shape=(3, 5))
    with pytest.raises(ValueError, match="'image_shape' parameter of load_pixel_csv must be"):
        load_pixel_csv(path, image_shape=12)


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_pixel_csv(tmp_path / "nowhere.csv")


def test_long_names_are_shortened(tmp_path):
    path = tmp_path / "images.csv"
    path.write_text(f"{'x' * 5000},p\n1,2\n")
    with pytest.raises(ValueError, match="has no column 'label'") as raised:
        load_pixel_csv(path)
    assert len(str(raised.value).replace(str(path), "")) < 400


# Order of the columns, separators, and files without a header.

PIXELS = np.arange(2 * 144).reshape(2, 144) % 256


def write(path, names, pixels, labels=(7, 1), separator=","):
    """Write a table with the labels in the first column; without a header if `names` is None."""
    lines = [] if names is None else [["label", *names]]
    lines += [[str(label), *map(str, row)] for label, row in zip(labels, pixels, strict=True)]
    path.write_text("\n".join(separator.join(line) for line in lines) + "\n")
    return path


NUMBERED = {
    "one number": [f"pixel{number}" for number in range(144)],
    "from 1": [f"p{number}" for number in range(1, 145)],
    "with zeros": [f"px_{number:03}" for number in range(144)],
    "row and column": [f"pixel_{row}_{column}" for row in range(12) for column in range(12)],
    "row and column from 1": [f"{row}x{column}" for row in range(1, 13) for column in range(1, 13)],
    "numbers alone": [str(number) for number in range(144)],
}
ORDERS = {
    "text": lambda names: sorted(range(144), key=names.__getitem__),
    "reversed": lambda _: range(143, -1, -1),
    "random": lambda _: np.random.default_rng(0).permutation(144),
    "as it is": lambda _: range(144),
}


@pytest.mark.parametrize("names", NUMBERED)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.slow
def test_numbers_in_names_determine_the_order_of_pixels(tmp_path, names, order):
    names = NUMBERED[names]
    order = list(ORDERS[order](names))
    path = write(tmp_path / "table.csv", [names[place] for place in order], PIXELS[:, order])
    assert_array_equal(load_pixel_csv(path).data, PIXELS)


def test_rows_and_columns_in_names_determine_the_shape(tmp_path):
    names = [f"pixel_{row}_{column}" for row in range(9) for column in range(16)]
    path = write(tmp_path / "table.csv", names[::-1], PIXELS[:, ::-1])
    assert_array_equal(load_pixel_csv(path).images, PIXELS.reshape(2, 9, 16))


def test_returned_frame_can_be_written_and_read(tmp_path):
    data = load_pixel_csv(write(tmp_path / "table.csv", NUMBERED["one number"], PIXELS), as_frame=True)
    data.frame[data.frame.columns[::-1]].to_csv(tmp_path / "written.csv", index=False)
    assert_array_equal(load_pixel_csv(tmp_path / "written.csv", label="target").data, PIXELS)


def test_names_without_numbers_keep_the_order_of_the_file(tmp_path):
    path = write(tmp_path / "table.csv", ["d", "b", "c", "a"], PIXELS[:, :4])
    assert_array_equal(load_pixel_csv(path).data, PIXELS[:, :4])


MISNUMBERED = {
    "gap": ([f"p{number}" for number in (0, 1, 2, 4)], "gaps"),
    "repeated": (["p0", "p1", "p1", "p2"], "more than one column 'p1'"),
    "three numbers": (["p0_0_0", "p0_0_1", "p0_1_0", "p0_1_1"], "3 numbers in their names"),
    "another name": (["p0", "p1", "p2", "age"], "not numbered like 'p0': 'age'"),
    "an index that was written twice": (["Unnamed: 0", "p0", "p1", "p2"], "as pandas writes the index"),
    "an index": (["", "p0", "p1", "p2"], "a column without a name, as pandas writes the index.*index=False"),
}


@pytest.mark.parametrize("name", MISNUMBERED)
def test_numbers_that_do_not_index_pixels_are_refused(tmp_path, name):
    names, message = MISNUMBERED[name]
    with pytest.raises(ValueError, match=message):
        load_pixel_csv(write(tmp_path / "table.csv", names, PIXELS[:, :4]))


@pytest.mark.parametrize("label", [0, -145])
def test_file_without_a_header_keeps_its_first_row(tmp_path, label):
    data = load_pixel_csv(write(tmp_path / "table.csv", None, PIXELS), header=None, label=label)
    assert_array_equal(data.data, PIXELS)
    assert data.target.tolist() == [7, 1]


def test_labels_may_be_in_the_last_column_or_missing(tmp_path):
    np.savetxt(tmp_path / "last.csv", np.column_stack([PIXELS, [7, 1]]), "%d", ",")
    assert load_pixel_csv(tmp_path / "last.csv", header=None, label=-1).target.tolist() == [7, 1]
    np.savetxt(tmp_path / "unlabelled.csv", PIXELS, "%d", ",")
    assert_array_equal(load_pixel_csv(tmp_path / "unlabelled.csv", header=None, label=None).data, PIXELS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "has no column 'label'.*Pass header=None and label=0 if the file has no header"),
        ({"label": None}, "first line of numbers, which looks like a row of data; .* pass header=None"),
        ({"label": 0}, "first line of numbers, which looks like a row of data; .* pass header=None"),
        ({"header": None}, "label must be a position.* Got 'label' instead"),
        ({"header": None, "label": 145}, "145 columns, so label=145 is out of range"),
        ({"header": 1}, "'header' parameter of load_pixel_csv must be 0 or None. Got 1 instead"),
    ],
)
def test_row_of_data_as_header_is_refused(tmp_path, options, message):
    path = write(tmp_path / "table.csv", None, PIXELS)
    with pytest.raises(ValueError, match=message) as raised:
        load_pixel_csv(path, **options)
    assert len(str(raised.value)) < 600


FIRST_ROWS = {
    "text label first": ("A,3,1,2,0\nB,9,9,9,9\n", 0, ["A", "B"]),
    "text label last": ("3,1,2,0,A\n9,9,9,9,B\n", -1, ["A", "B"]),
    "text label, all zero": ("A,0,0,0,0\nB,9,9,9,9\n", 0, ["A", "B"]),
    "pixels in sequence": ("0,1,2,3\n9,9,9,9\n", None, None),
    "label and pixels in sequence": ("0,1,2,3,4\n5,9,9,9,9\n", 0, [0, 5]),
}


@pytest.mark.parametrize("name", FIRST_ROWS)
def test_first_row_of_data_is_never_a_header(tmp_path, name):
    text, label, target = FIRST_ROWS[name]
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(ValueError, match=r"looks like a row of data; .* pass header=None"):
        load_pixel_csv(tmp_path / "table.csv", label=label)
    data = load_pixel_csv(tmp_path / "table.csv", label=label, header=None)
    assert len(data.data) == 2
    assert (data.target if target is None else data.target.tolist()) == target


def test_numbers_above_255_are_a_header(tmp_path):
    images = np.arange(2 * 784).reshape(2, 784) % 256
    pd.DataFrame(images).to_csv(tmp_path / "table.csv", index=False)
    assert_array_equal(load_pixel_csv(tmp_path / "table.csv", label=None).data, images)


@pytest.mark.parametrize(
    "options", [{"label": [0]}, {"label": True}, {"label": 1.0}, {"header": False}, {"header": "0"}]
)
def test_parameters_of_other_types_are_refused(tmp_path, options):
    ((name, value),) = options.items()
    error = TypeError if name == "label" else ValueError
    with pytest.raises(error, match=rf"'{name}' parameter of load_pixel_csv must be .* Got {re.escape(repr(value))}"):
        load_pixel_csv(write(tmp_path / "table.csv", NUMBERED["one number"], PIXELS), **options)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.slow
def test_separators_and_byte_order_marks(tmp_path, separator, encoding):
    path = write(tmp_path / "table.csv", NUMBERED["one number"], PIXELS, separator=separator)
    path.write_text(path.read_text(), encoding=encoding, newline="\r\n")
    data = load_pixel_csv(path)
    assert_array_equal(data.data, PIXELS)
    assert data.target.tolist() == [7, 1]


def test_message_names_the_line_of_a_file_without_a_header(tmp_path):
    path = write(tmp_path / "table.csv", None, np.array([[1, 2, 3, 4], [5, 6, 7, 888]]))
    with pytest.raises(ValueError, match=r"line 2, column 4: .*'888'"):
        load_pixel_csv(path, header=None, label=0)


@pytest.mark.parametrize(
    ("names", "order", "shape"),
    [
        (["p1", "p0", "p2"], [1, 0, 2], None),
        (["p3", "p1", "p2"], [1, 2, 0], None),
        (["p0_1", "p0_0"], [1, 0], (1, 2)),
        (["2x1", "1x1", "1x2", "2x2", "3x1", "3x2"], [1, 2, 0, 3, 4, 5], (3, 2)),
        (["0x1", "1x1"], [0, 1], (2, 1)),
        (["a", "b"], [0, 1], None),
        (["p10", "p9", "p8", "p7", "p6", "p5", "p4", "p3", "p2", "p1"], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0], None),
    ],
)
def test_numbers_give_the_order_and_the_shape(names, order, shape):
    assert find_order(names) == (order, shape)


@pytest.mark.parametrize("names", [["p2", "p3"], ["p0", "p2"], ["p0_2", "p0_3"], ["p2_0", "p3_0"], ["p0_0", "p1_1"]])
def test_numbers_begin_at_0_or_1_and_have_no_gaps(names):
    with pytest.raises(ValueError, match="do not begin at 0 or 1, or have gaps"):
        find_order(names)


def test_names_up_to_255_may_be_pixels():
    for names in (["256", "0"], ["0", "a"], ["255.5"]):
        refuse_data_as_header(names)
    for names in (["255", "0"], ["255.0"], ["1e2"]):
        with pytest.raises(ValueError, match="looks like a row of data"):
            refuse_data_as_header(names)
