"""Test downloads from a real HTTP server on the loopback interface."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from functools import partial
from types import SimpleNamespace

import pooch  # noqa: F401 - its logger keeps the standard error of the first import
import pytest
from numpy.testing import assert_array_equal

from sklenet.datasets import fetch_dataset
from sklenet.datasets.__main__ import main
from sklenet.datasets._cache import find_files

# Program of a separate process: register a data set that is passed as an argument, and fetch it.
FETCH = """
import json, sys
from dataclasses import replace
from sklenet.datasets import fetch_dataset
from sklenet.datasets._published import File
from sklenet.datasets._registry import DATASETS

name, data_home, urls, files = json.loads(sys.argv[1])
files = {split: tuple(File(*file) for file in group) for split, group in files.items()}
DATASETS[name] = replace(DATASETS[name], files=files, urls=tuple(urls))
print("ready", flush=True)
sys.stdin.readline()
print(fetch_dataset(name, data_home=data_home, delay=0).data.sum())
"""


def start(published, data_home):
    """Start a process that fetches a data set once it reads a line."""
    files = {split: [(file.name, file.md5) for file in group] for split, group in published.dataset.files.items()}
    argument = json.dumps([published.name, str(data_home), published.dataset.urls, files])
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", FETCH, argument], text=True, **pipes)
    assert process.stdout.readline() == "ready\n", process.stderr.read()
    return process


@pytest.fixture
def usps(publish, server):
    """Publish a small data set "usps" of two files on mirrors with the given behaviours."""

    def make(*behaviours):
        published = publish("usps", urls=tuple(map(server.url, behaviours)))
        server.files |= published.files
        return published

    return make


def list_names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_files_are_downloaded_once(tmp_path, usps, server):
    published = usps("good")
    for _ in range(2):
        data = fetch_dataset("usps", data_home=tmp_path / "new" / "home", delay=0)
        assert_array_equal(data.images[:7], published.splits["train"][0])
    assert server.asked == ["good/usps.bz2", "good/usps.t.bz2"]
    assert list_names(tmp_path / "new" / "home" / "usps") == ["usps.bz2", "usps.t.bz2"]


def test_only_the_files_of_the_subset_are_downloaded(tmp_path, usps, server):
    usps("good")
    fetch_dataset("usps", subset="test", data_home=tmp_path)
    assert server.asked == ["good/usps.t.bz2"]


def test_default_folder_is_the_environment_variable_or_the_user_cache(tmp_path, usps, monkeypatch):
    usps("good")
    monkeypatch.setenv("SKLENET_DATA", str(tmp_path / "named"))
    fetch_dataset("usps")
    assert (tmp_path / "named" / "usps" / "usps.bz2").is_file()
    monkeypatch.delenv("SKLENET_DATA")
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache" / project)
    fetch_dataset("usps")
    assert (tmp_path / "cache" / "sklenet" / "usps" / "usps.bz2").is_file()


@pytest.mark.parametrize("behaviour", ["missing", "wrong", "cut", "busy"])
def test_next_mirror_replaces_a_failing_mirror(tmp_path, usps, server, behaviour):
    published = usps(behaviour, "good")
    data = fetch_dataset("usps", data_home=tmp_path, delay=0)
    assert_array_equal(data.images[:7], published.splits["train"][0])
    assert server.asked == [f"{behaviour}/usps.bz2", "good/usps.bz2", f"{behaviour}/usps.t.bz2", "good/usps.t.bz2"]


@pytest.mark.parametrize("behaviour", ["cut", "busy"])
def test_transient_errors_are_retried(tmp_path, usps, server, behaviour):
    usps(behaviour)
    fetch_dataset("usps", data_home=tmp_path, delay=0)
    assert server.asked == 2 * [f"{behaviour}/usps.bz2"] + 2 * [f"{behaviour}/usps.t.bz2"]
    assert list_names(tmp_path / "usps") == ["usps.bz2", "usps.t.bz2"]


def test_attempts_are_repeated_three_times_after_a_second(tmp_path, usps, monkeypatch):
    published = usps("good")
    dead = "http://127.0.0.1:9/"  # the discard port, on which no server listens
    object.__setattr__(published.dataset, "urls", (dead,))
    slept = []
    monkeypatch.setattr("sklenet.datasets._cache.time", SimpleNamespace(sleep=slept.append))
    for search in (fetch_dataset, partial(find_files, subset="all")):
        with pytest.raises(OSError, match="ConnectionError"):
            search("usps", data_home=tmp_path)
    assert slept == [0, 1, 1, 1] * 2


def test_number_of_retries_is_limited(tmp_path, usps, server):
    usps("cut")
    with pytest.raises(OSError, match="ChunkedEncodingError"):
        fetch_dataset("usps", data_home=tmp_path, n_retries=0)
    assert server.asked == ["cut/usps.bz2"]
    assert list_names(tmp_path / "usps") == []


def test_message_lists_all_mirrors_and_remedies(tmp_path, usps, server):
    published = usps("missing", "wrong")
    dead = "http://127.0.0.1:9/"  # the discard port, on which no server listens
    object.__setattr__(published.dataset, "urls", (*published.dataset.urls, dead))

    with pytest.raises(OSError, match=r"The data set 'usps' lacks usps\.bz2, usps\.t\.bz2 in ") as raised:
        fetch_dataset("usps", data_home=tmp_path, n_retries=1, delay=0)

    folder, content = tmp_path / "usps", published.files["usps.bz2"]
    found = hashlib.md5(content[::-1]).hexdigest()
    first, missing, wrong, refused, by_hand, sample = str(raised.value).split("\n  ")
    assert str(folder) in first
    assert missing.startswith(f"{server.url('missing')}usps.bz2: HTTPError: 404")
    expected = hashlib.md5(content).hexdigest()
    assert wrong.startswith(
        f"{server.url('wrong')}usps.bz2: ValueError: MD5 hash of downloaded file (usps.bz2) does not"
    )
    assert f"expected md5:{expected} but got {found}. Deleted download" in wrong
    assert refused.startswith(f"{dead}usps.bz2: ConnectionError:")
    assert "data_home= or $SKLENET_DATA" in by_hand
    assert "load_mnist_sample" in sample
    # The client retries a refused connection, but not a wrong answer.
    assert server.asked == ["missing/usps.bz2", "wrong/usps.bz2"]
    assert list_names(folder) == []


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_bar_is_shown_on_a_terminal_alone(tmp_path, usps, monkeypatch, capsys):
    published = usps("good")
    fetch_dataset("usps", subset="train", data_home=tmp_path)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr", Terminal())
    fetch_dataset("usps", subset="test", data_home=tmp_path)
    shown = sys.stderr.getvalue()
    n_bytes = len(published.files["usps.t.bz2"])
    assert "100%" in shown
    assert f"{n_bytes / 1000:.2f}k/{n_bytes / 1000:.2f}k" in shown


@pytest.mark.slow
def test_download_prints_nothing_without_a_terminal(tmp_path, usps):
    process = start(usps("good"), tmp_path)
    _, error = process.communicate("\n", timeout=120)
    assert process.returncode == 0
    assert error == ""


def test_download_can_be_disabled(tmp_path, usps, server):
    usps("good")
    with pytest.raises(OSError, match=r"lacks usps.bz2, usps.t.bz2 in [^$]*download_if_missing=False"):
        fetch_dataset("usps", data_home=tmp_path, download_if_missing=False)
    assert server.asked == []
    assert list(tmp_path.iterdir()) == []


def test_error_of_the_file_system_is_not_retried(tmp_path, usps, server, monkeypatch):
    usps("good")
    (tmp_path / "usps").write_text("a file in place of the folder")
    delays = []
    monkeypatch.setattr("time.sleep", delays.append)
    with pytest.raises(OSError, match=r"good/usps\.bz2: NotADirectoryError: .*\n  Copy the published files into"):
        fetch_dataset("usps", data_home=tmp_path, delay=7)
    assert 7 not in delays


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
@pytest.mark.parametrize(("folder_mode", "file_mode"), [(0o755, 0o644), (0o750, 0o640), (0o700, 0o600), (0o777, 0o644)])
def test_users_who_read_the_folder_read_its_files(tmp_path, usps, folder_mode, file_mode):
    usps("good")
    folder = tmp_path / "usps"
    folder.mkdir()
    folder.chmod(folder_mode)
    fetch_dataset("usps", data_home=tmp_path)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {file_mode}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.slow
def test_killed_process_leaves_no_file_under_the_published_name(tmp_path, usps, server):
    published = usps("stuck")
    with start(published, tmp_path) as process:
        process.stdin.write("\n")
        process.stdin.flush()
        assert server.half_sent.acquire(timeout=60)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    server.released.set()

    assert "usps.bz2" not in list_names(tmp_path / "usps")
    data = fetch_dataset("usps", data_home=tmp_path, delay=0)
    assert_array_equal(data.images[:7], published.splits["train"][0])


def test_interrupt_deletes_the_temporary_file(tmp_path, usps, monkeypatch):
    usps("good")

    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("requests.Response.iter_content", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch_dataset("usps", data_home=tmp_path)
    assert list_names(tmp_path / "usps") == []


@pytest.mark.slow
def test_two_processes_download_concurrently(tmp_path, usps, server):
    published = usps("stuck")
    processes = [start(published, tmp_path) for _ in range(2)]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    assert all(server.half_sent.acquire(timeout=60) for _ in processes)
    server.released.set()
    results = [process.communicate(timeout=120) for process in processes]
    expected = sum(int(images.sum()) for images, _ in published.splits.values())
    assert [output for output, _ in results] == 2 * [f"{expected}\n"], results
    assert list_names(tmp_path / "usps") == ["usps.bz2", "usps.t.bz2"]


def test_command_line_fetches_and_lists(tmp_path, usps, capsys):
    usps("good")
    assert main(["usps", "--subset", "test", "--data-home", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"usps: {tmp_path / 'usps' / 'usps.t.bz2'}\n"

    assert main(["--data-home", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert str(tmp_path) in lines[0]
    assert lines[2].split() == ["name", "cached", "n_train", "n_test", "n_classes", "title"]
    (row,) = (line for line in lines if line.startswith("usps"))
    assert row.split()[:5] == ["usps", "test", "7291", "2007", "10"]


def test_command_line_prints_errors(tmp_path, usps, capsys):
    usps("missing")
    with pytest.raises(SystemExit, match="1"):
        main(["usps", "--data-home", str(tmp_path)])
    assert "The data set 'usps' lacks" in capsys.readouterr().err


def test_command_line_refuses_an_unknown_name_before_any_download(tmp_path, usps, server, capsys):
    usps("good")
    with pytest.raises(SystemExit, match="1"):
        main(["usps", "minst", "--data-home", str(tmp_path)])
    assert "did you mean 'mnist'" in capsys.readouterr().err
    assert server.asked == []


@pytest.mark.slow
def test_module_is_a_command_line(tmp_path):
    command = [sys.executable, "-m", "sklenet.datasets", "--data-home", str(tmp_path)]
    output = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ).stdout
    assert "emnist_bymerge" in output
