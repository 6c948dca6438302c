"""Programs that tests start. Tests that need PostgreSQL or Chromium are skipped if these are not installed."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest


def find_program(name):
    """Return the path of a program of PostgreSQL, or None. Debian installs these programs outside of PATH."""
    candidates = [shutil.which(name), *sorted(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")))]
    return next((path for path in reversed(candidates) if path), None)


INITDB, POSTGRES = find_program("initdb"), find_program("postgres")
needs_postgresql = pytest.mark.skipif(
    not (INITDB and POSTGRES) and "SKLENET_TEST_SERVERS" not in os.environ, reason="PostgreSQL is not installed"
)

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(
    not (BROWSER and DRIVER) and "SKLENET_TEST_SERVERS" not in os.environ,
    reason="chromium and chromedriver are not installed",
)

SCHEDULER = ["dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show"]
WORKER = ["--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1", "--local-directory"]


@contextmanager
def dask(*arguments, until, path=""):
    """Start a command of Dask, yield the first match of `until` in a line of output, and terminate the process."""
    with subprocess.Popen(
        [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]],
        env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        try:
            for line in process.stdout:
                if match := re.search(until, line):
                    break
            else:
                raise AssertionError(f"{arguments} ended with {process.wait()}")
            yield match
        finally:
            process.terminate()
            process.stdout.read()
