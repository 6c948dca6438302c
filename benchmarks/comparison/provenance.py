"""The machine and the revision of the code of a measurement."""

import functools
import hashlib
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
# The paths whose changes can change a measurement, as opposed to, for example, the documentation.
_MEASURED = (
    "sklenet",
    "benchmarks/measuring.py",
    *(f"benchmarks/comparison/{name}.py" for name in ("corruptions", "data", "models", "protocol", "runner")),
)


@functools.cache
def machine() -> dict[str, Any]:
    """Return the processor, the number of cores and the platform of this machine."""
    import cpuinfo  # the import takes a second

    return {
        "cpu": cpuinfo.get_cpu_info().get("brand_raw", platform.machine()),
        "n_cpus": os.cpu_count(),
        "platform": platform.platform(),
    }


@functools.cache
def git_revision() -> str:
    """Return the last commit that changed the measured code, or "" outside a repository.

    Uncommitted changes append "+" and their digest, so that different changes are different revisions.
    """
    commit = _git("log", "-1", "--format=%H", "--", *_MEASURED)[:12].decode()
    changes = _git("diff", "HEAD", "--", *_MEASURED)
    return f"{commit}+{hashlib.sha256(changes).hexdigest()[:8]}" if changes else commit


def _git(*arguments: str) -> bytes:
    try:
        return subprocess.run(["git", *arguments], cwd=_ROOT, check=False, capture_output=True).stdout  # noqa: S603, S607
    except FileNotFoundError:
        return b""
