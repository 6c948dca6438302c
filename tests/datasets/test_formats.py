import gzip
import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from sklenet.datasets._formats import read_idx

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(array, code):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("dtype", CODES)
def test_what_was_written_is_read(tmp_path, dtype, compress):
    written = np.arange(-6, 18).reshape(2, 3, 4).astype(dtype)
    path = tmp_path / "images"
    path.write_bytes(compress(idx_bytes(written, CODES[dtype])))

    read = read_idx(path)

    assert_array_equal(read, written)
    assert read.dtype == np.dtype(dtype)
    assert read.dtype.isnative
    assert read.flags.writeable


def test_name_may_be_a_string(tmp_path):
    path = tmp_path / "labels"
    path.write_bytes(idx_bytes(np.uint8([5, 0, 4]), 0x08))
    assert_array_equal(read_idx(str(path)), [5, 0, 4])


WHOLE = idx_bytes(np.zeros((2, 3), np.uint8), 0x08)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"", "not an IDX file.*begins with nothing", id="empty"),
        pytest.param(b"\0\0", "not an IDX file", id="cut in the magic number"),
        pytest.param(b"<!DOCTYPE html>", "not an IDX file.*3c 21 44 4f", id="a web page"),
        pytest.param(b"\0\0\x0a" + WHOLE[3:], "not an IDX file.*0x08", id="unknown type code"),
        pytest.param(WHOLE[:7], "ends within its header", id="cut in the header"),
        pytest.param(WHOLE[:-1], r"shape \(2, 3\) of uint8, 6 bytes, but 5", id="cut in the numbers"),
        pytest.param(WHOLE + b"\0", "6 bytes, but 7", id="too long"),
        pytest.param(b"\0\0\x08\x02" + b"\xff" * 8, "is damaged", id="shape larger than any memory"),
        pytest.param(gzip.compress(WHOLE)[:-9], "is damaged", id="cut gzip"),
        pytest.param(b"\x1f\x8b" + b"rubbish" * 3, "is damaged", id="broken gzip"),
        pytest.param(gzip.compress(b"not IDX"), "not an IDX file", id="gzip of something else"),
    ],
)
def test_rubbish_is_refused_by_name(tmp_path, content, words):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)


def test_missing_file_is_the_systems_own_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_idx(tmp_path / "nowhere")


@given(content=st.binary(max_size=64), magic=st.sampled_from([b"", b"\0\0\x08", b"\x1f\x8b", b"\0\0\x0e\x01"]))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content, magic):
    path = tmp_path_factory.getbasetemp() / "any-bytes"
    path.write_bytes(magic + content)
    with suppress(ValueError):
        read_idx(path)
