"""Where figures are from: the machine, and the revision of the code that was measured."""

import functools
import hashlib
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
# A change of anything else, such as a page of the documentation, leaves the figures what they are.
_MEASURED = (
    "sklenet",
    "benchmarks/measuring.py",
    *(f"benchmarks/comparison/{name}.py" for name in ("corruptions", "data", "models", "protocol", "runner")),
)


@functools.cache
def machine() -> dict[str, Any]:
    """Describe this machine."""
    import cpuinfo  # takes a second, and only who starts processes needs it

    return {
        "cpu": cpuinfo.get_cpu_info().get("brand_raw", platform.machine()),
        "n_cpus": os.cpu_count(),
        "platform": platform.platform(),
    }


@functools.cache
def git_revision() -> str:
    """Name the last commit that changed the code that is measured; "" outside a repository.

    Changes that are not committed are told by "+" and a digest of them, so that two of them are two revisions.
    """
    commit = _git("log", "-1", "--format=%H", "--", *_MEASURED)[:12].decode()
    changes = _git("diff", "HEAD", "--", *_MEASURED)
    return f"{commit}+{hashlib.sha256(changes).hexdigest()[:8]}" if changes else commit


def _git(*arguments: str) -> bytes:
    try:
        return subprocess.run(["git", *arguments], cwd=_ROOT, check=False, capture_output=True).stdout  # noqa: S603, S607
    except FileNotFoundError:
        return b""
