import bz2
import gzip
import io
import struct
import tracemalloc
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from layout_writers import idx_bytes, npz_bytes, zip_bytes
from sklenet.datasets._formats import MAX_BYTES, open_zip, read_idx, read_libsvm, read_member, read_npz

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("dtype", CODES)
def test_idx_round_trip(tmp_path, dtype, compress):
    written = np.arange(-6, 18).reshape(2, 3, 4).astype(dtype)
    path = tmp_path / "images"
    path.write_bytes(compress(idx_bytes(written, CODES[dtype])))

    read = read_idx(path)

    assert_array_equal(read, written)
    assert read.dtype == np.dtype(dtype)
    assert read.dtype.isnative
    assert read.flags.writeable


def test_path_may_be_a_string(tmp_path):
    path = tmp_path / "labels"
    path.write_bytes(idx_bytes(np.uint8([5, 0, 4]), 0x08))
    assert_array_equal(read_idx(str(path)), [5, 0, 4])


WHOLE = idx_bytes(np.zeros((2, 3), np.uint8), 0x08)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "not an IDX file.*begins with nothing", id="empty"),
        pytest.param(b"\0\0", "not an IDX file", id="truncated magic number"),
        pytest.param(b"<!DOCTYPE html>", "not an IDX file.*3c 21 44 4f", id="a web page"),
        pytest.param(b"\0\0\x0a" + WHOLE[3:], "not an IDX file.*0x08", id="unknown type code"),
        pytest.param(WHOLE[:7], "ends within its header", id="truncated header"),
        pytest.param(WHOLE[:-1], r"shape \(2, 3\) of uint8, 6 bytes, but 5", id="truncated numbers"),
        pytest.param(WHOLE + b"\0", "6 bytes, but more follow", id="too long"),
        pytest.param(b"\0\0\x08\x02" + b"\xff" * 8, "is damaged", id="shape larger than any memory"),
        pytest.param(gzip.compress(WHOLE)[:-9], "is damaged", id="truncated gzip"),
        pytest.param(b"\x1f\x8b" + b"rubbish" * 3, "is damaged", id="broken gzip"),
        pytest.param(gzip.compress(b"not IDX"), "not an IDX file", id="gzip of something else"),
    ],
)
def test_invalid_idx_files_are_refused(tmp_path, content, message):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as raised:
        read_idx(path)
    assert str(path) in str(raised.value)


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_idx(tmp_path / "nowhere")


@given(content=st.binary(max_size=64), magic=st.sampled_from([b"", b"\0\0\x08", b"\x1f\x8b", b"\0\0\x0e\x01"]))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content, magic):
    path = tmp_path_factory.getbasetemp() / "any-bytes"
    path.write_bytes(magic + content)
    with suppress(ValueError):
        read_idx(path)


def write(path, content):
    path.write_bytes(content)
    return path


def test_files_are_concatenated(tmp_path):
    first, second = np.uint8([[1, 2], [3, 4]]), np.uint8([[5, 6]])
    paths = [
        write(tmp_path / "a", idx_bytes(first)),
        write(tmp_path / "b", gzip.compress(idx_bytes(second))),
        zipfile.Path(write(tmp_path / "c.zip", zip_bytes({"folder/c": gzip.compress(idx_bytes(first))})), "folder/c"),
    ]
    assert_array_equal(read_idx(*paths), np.concatenate([first, second, first]))


@pytest.mark.parametrize("other", [np.zeros((2, 4), np.uint8), np.zeros((2, 3), np.int8), np.zeros(3, np.uint8)])
def test_files_of_other_shape_or_type_are_refused(tmp_path, other):
    first = write(tmp_path / "first", WHOLE)
    second = write(tmp_path / "second", idx_bytes(other, CODES[other.dtype.str[1:]]))
    with pytest.raises(
        ValueError, match=rf"second contains .*, which does not match uint8 of shape \(2, 3\) in {first}"
    ):
        read_idx(first, second)


def assert_peak_memory_below(n_bytes):
    """Fail if the peak of the traced memory reaches a number of bytes."""
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < n_bytes


@pytest.mark.slow
def test_gzip_bomb_is_not_decompressed(tmp_path):
    bomb = write(tmp_path / "bomb", gzip.compress(WHOLE + bytes(2**25)))
    tracemalloc.start()
    with pytest.raises(ValueError, match="6 bytes, but more follow"):
        read_idx(bomb)
    assert_peak_memory_below(2**22)


def test_shape_above_the_limit_is_refused(tmp_path):
    path = write(tmp_path / "images", b"\0\0\x08\x03" + struct.pack(">3I", 60_000, 2_800, 28))
    with pytest.raises(ValueError, match=r"declares 4,704,000,000 bytes, but no data set .* decompression bomb"):
        read_idx(path)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["uint8", ">i4"])
def test_npz_round_trip(tmp_path, order, dtype):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype, order=order)
    path = write(tmp_path / "images.npz", npz_bytes(array))
    assert_array_equal(read_npz(path), array)


def npy_bytes(shape, content):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"shape": shape, "fortran_order": False, "descr": "|u1"})
    return file.getvalue() + content


def two_arrays():
    file = io.BytesIO()
    np.savez(file, np.zeros(2), np.zeros(2))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "not a zip file", id="empty"),
        pytest.param(npz_bytes(np.zeros(9))[:-30], "not a zip file", id="truncated"),
        pytest.param(zip_bytes({}), "it contains nothing instead of one array", id="no array"),
        pytest.param(two_arrays(), r"it contains \['arr_0.npy', 'arr_1.npy'\]", id="two arrays"),
        pytest.param(zip_bytes({"arr_0.npy": b"rubbish"}), "expected 8 bytes got 7", id="not an array file"),
        pytest.param(npz_bytes(np.array([{}])), "OBJECT array", id="objects"),
        pytest.param(zip_bytes({"arr_0.npy": npy_bytes((2,), b"abc")}), "cannot reshape", id="too long"),
        pytest.param(zip_bytes({"arr_0.npy": npy_bytes((2**40,), b"abc")}), "cannot reshape", id="wrong header"),
    ],
)
def test_invalid_npz_files_are_refused(tmp_path, content, message):
    path = write(tmp_path / "images.npz", content)
    with pytest.raises(ValueError, match=rf"images.npz is damaged: .*{message}"):
        read_npz(path)


def test_damaged_member_is_refused(tmp_path):
    content = zip_bytes({"arr_0.npy": npy_bytes((2,), b"ab")})
    path = write(tmp_path / "images.npz", content.replace(b"ab", b"ac", 1))
    with pytest.raises(ValueError, match=r"images\.npz is damaged: member 'arr_0.npy': Bad CRC-32"):
        read_npz(path)


def test_zip_bomb_is_not_decompressed(tmp_path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(2**20))
    # The table at the end of the archive declares a size above the limit.
    size = struct.pack("<I", 2**20)
    archive_bytes = content.getvalue()
    position = archive_bytes.rindex(size)
    path = write(
        tmp_path / "archive.zip", archive_bytes[:position] + struct.pack("<I", 2**31) + archive_bytes[position + 4 :]
    )
    with pytest.raises(ValueError, match=r"member 'bomb', declares 2,147,483,648 bytes"):
        open_zip(path)
    # The table declares less than the member contains.
    path.write_bytes(archive_bytes[:position] + struct.pack("<I", 10) + archive_bytes[position + 4 :])
    with open_zip(path) as archive, pytest.raises(ValueError, match="member 'bomb': Bad CRC-32"):
        read_member(archive, "bomb")


def test_libsvm_file_is_read(tmp_path):
    path = write(tmp_path / "usps.bz2", bz2.compress(b"1 1:-1 2:0.5 4:1 \n10 3:-0.25\n"))
    X, y = read_libsvm(path, 4)
    assert_array_equal(X, [[-1, 0.5, 0, 1], [0, 0, -0.25, 0]])
    assert_array_equal(y, [1, 10])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"1 1:1\n",
        bz2.compress(b"1 1:0.5\n" * 100)[:-9],
        bz2.compress(b"a,b\n"),
        bz2.compress(b"1 1:0.5 9:1\n"),
        bz2.compress(b"1 0:0.5\n"),
    ],
    ids=["empty", "not compressed", "truncated", "other text", "a feature too many", "a feature 0"],
)
def test_invalid_libsvm_files_are_refused(tmp_path, content):
    path = write(tmp_path / "usps.bz2", content)
    with pytest.raises(ValueError, match=r"usps.bz2 is damaged"):
        read_libsvm(path, 4)


def test_bzip2_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("sklenet.datasets._formats.MAX_BYTES", 1000)
    path = write(tmp_path / "usps.bz2", bz2.compress(b"1 1:0.5\n" * 1000))
    with pytest.raises(ValueError, match="declares 1,001 bytes, but no data set has more than 1,000"):
        read_libsvm(path, 4)


def test_files_up_to_the_limit_are_read(tmp_path, monkeypatch):
    lines, member = b"1 1:0.5\n" * 10, bytes(80)
    libsvm, archive = write(tmp_path / "usps.bz2", bz2.compress(lines)), tmp_path / "archive.zip"
    archive.write_bytes(zip_bytes({"member": member}))
    idx = write(tmp_path / "labels", idx_bytes(np.arange(80, dtype=np.uint8)))
    monkeypatch.setattr("sklenet.datasets._formats.MAX_BYTES", 80)
    assert len(read_libsvm(libsvm, 1)[1]) == 10
    with open_zip(archive) as opened:
        assert read_member(opened, "member") == member
    assert_array_equal(read_idx(idx), np.arange(80))
    monkeypatch.setattr("sklenet.datasets._formats.MAX_BYTES", 79)
    for read in (lambda: read_libsvm(libsvm, 1), lambda: open_zip(archive), lambda: read_idx(idx)):
        with pytest.raises(ValueError, match="declares 80 bytes, but no data set has more than 79"):
            read()


def test_the_limit_is_a_gibibyte():
    assert MAX_BYTES == 1_073_741_824
