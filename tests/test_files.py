"""Files are written as a whole or not at all."""

import pytest

from sklenet._files import write_atomically


def test_content_replaces_an_earlier_file(tmp_path):
    path = tmp_path / "model.onnx"
    write_atomically(path, b"a long earlier content")
    write_atomically(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError("no space left"), KeyboardInterrupt()])
def test_an_earlier_file_outlives_a_call_that_fails(tmp_path, monkeypatch, error):
    def fail(_):
        raise error

    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(type(error)):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no such folder: '.*missing'$"):
        write_atomically(tmp_path / "missing" / "model.onnx", b"new")


def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "model.onnx", tmp_path / "latest.onnx"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
