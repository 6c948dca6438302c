"""Programs that some tests start; where they are absent, those tests are skipped."""

import os
import shutil
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
