"""Fixtures of several test files: small training data, recorded learning rates, and published data sets."""

import hashlib
import importlib
import os
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from sklearn.datasets import load_digits

from layout_writers import WRITERS
from sklenet.datasets._registry import DATASETS

N_IMAGES = {"train": 7, "test": 5}

# The splits of Omniglot have disjoint classes.
OMNIGLOT_LABELS = {"train": [0, 0, 1, 20, 20, 500, 963], "test": [964, 964, 965, 1000, 1622]}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes():
    """Let the workers of pytest-xdist, and the processes that their tests start, share the cores."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Threads that wait for one another keep their cores busy by default, also when another process needs the cores. A
    # fit with two threads beside two busy processes took 128 and 152 s with the default, and 8 and 16 s without.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def pytest_collection_modifyitems(items):
    """Mark the examples of docstrings as slow, because most of them train a model."""
    for item in items:
        if isinstance(item, pytest.DoctestItem):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:120].astype(np.float32), y[:120]


@pytest.fixture
def uninstall(monkeypatch):
    """Make imports of packages fail, as if the packages were not installed."""
    import_real = importlib.import_module

    def hide(*packages):
        def import_module(name, *arguments):
            package = name.partition(".")[0]
            if package in packages:
                raise ModuleNotFoundError(f"No module named {package!r}", name=package)
            return import_real(name, *arguments)

        monkeypatch.setattr("importlib.import_module", import_module)

    return hide


@pytest.fixture
def rates():
    """Return the list to which `RecordRates` appends."""
    from small_models import RecordRates  # noqa: PLC0415 - imports torch, which tests of data sets do not need

    RecordRates.rates.clear()
    return RecordRates.rates


def draw_split(dataset, split, rng):
    """Draw images (n, h, w) and labels (n,). The labels include the first and the last class."""
    images = rng.integers(0, 256, (N_IMAGES[split], *dataset.image_shape), dtype=np.uint8)
    if dataset.layout == "omniglot":
        return 255 * (images // 128), np.array(OMNIGLOT_LABELS[split])
    labels = rng.integers(0, len(dataset.classes), len(images), dtype=np.uint8)
    labels[[0, -1]] = 0, len(dataset.classes) - 1
    return images, labels


class Published:
    """A data set of a few images in files of the published layout. The registry has the checksums of the files."""

    def __init__(self, name, monkeypatch, *, change=None, urls=None):
        dataset = DATASETS[name]
        self.name = name
        rng = np.random.default_rng(0)
        self.splits = {split: draw_split(dataset, split, rng) for split in N_IMAGES}
        self.files = WRITERS[dataset.layout](dataset, self.splits)
        if change:
            change(self.files)
        files = {
            split: tuple(
                replace(file, md5=hashlib.md5(self.files[file.name]).hexdigest(), sha256=None) for file in files
            )
            for split, files in dataset.files.items()
        }
        self.dataset = replace(dataset, files=files, urls=urls or dataset.urls)
        monkeypatch.setitem(DATASETS, name, self.dataset)

    def write(self, data_home):
        folder = data_home / self.dataset.folder
        folder.mkdir(parents=True)
        for name, content in self.files.items():
            (folder / name).write_bytes(content)
        return folder


@pytest.fixture
def publish(monkeypatch):
    """Return a function that replaces a data set of the registry by a small one."""
    return lambda name, **options: Published(name, monkeypatch, **options)


class Server(ThreadingHTTPServer):
    """A server of `files`. The first part of a path names the behaviour of the server."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {}
        self.asked = []
        self.half_sent, self.released = threading.Semaphore(0), threading.Event()

    def url(self, behaviour):
        return f"http://127.0.0.1:{self.server_port}/{behaviour}/"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        _, behaviour, name = self.path.split("/")
        self.server.asked.append(f"{behaviour}/{name}")
        is_first_request = self.server.asked.count(f"{behaviour}/{name}") == 1
        if behaviour == "missing":
            self.send_error(404)
            return
        if behaviour == "busy" and is_first_request:
            self.send_error(503)
            return
        content = self.server.files[name]
        if behaviour == "wrong":
            content = content[::-1]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        if "gzip" in self.headers["Accept-Encoding"]:
            # Some hosts declare this encoding for files that are gzip files.
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        half = len(content) // 2
        self.wfile.write(content[:half])
        if behaviour == "cut" and is_first_request:
            return
        if behaviour == "stuck":
            self.wfile.flush()
            self.server.half_sent.release()
            self.server.released.wait(60)
        self.wfile.write(content[half:])

    def log_message(self, *arguments):
        """Suppress the log."""


@pytest.fixture
def server(monkeypatch):
    for name in "NO_PROXY", "no_proxy":
        monkeypatch.setenv(name, "127.0.0.1")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()
