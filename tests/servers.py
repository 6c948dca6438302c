"""Programs that some tests start: PostgreSQL, without which those tests are skipped, and Dask."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest


def find_program(name):
    """Debian keeps the server's programs out of PATH."""
    candidates = [shutil.which(name), *sorted(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")))]
    return next((found for found in reversed(candidates) if found), None)


INITDB, POSTGRES = find_program("initdb"), find_program("postgres")
needs_postgresql = pytest.mark.skipif(
    not (INITDB and POSTGRES) and "SKLENET_TEST_SERVERS" not in os.environ, reason="PostgreSQL is not installed"
)

SCHEDULER = ["dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show"]
WORKER = ["--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1", "--local-directory"]


@contextmanager
def dask(*arguments, until, path=""):
    """A command of Dask, as soon as it has written a line that matches; ended by its process id."""
    with subprocess.Popen(
        [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]],
        env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        try:
            for line in process.stdout:
                if found := re.search(until, line):
                    break
            else:
                raise AssertionError(f"{arguments} ended with {process.wait()}")
            yield found
        finally:
            process.terminate()
            process.stdout.read()
