"""Time the statements BASE, and then the statements OWN, in a fresh process.

    python -m timing.imports BASE OWN

prints seconds as JSON. Both run in one process, because the time to import torch varies more between processes than the
time of OWN.
"""

import json
import sys
import time


def main() -> None:
    """Run the command line."""
    base, own = sys.argv[1:]
    print(json.dumps({"base_seconds": _seconds(base), "own_seconds": _seconds(own)}))


# The shared timer imports modules of the standard library, which would shorten the imports timed here.
def _seconds(code: str) -> float:
    start = time.perf_counter()
    exec(code, {})  # noqa: S102 - the code is written in benchmarks/speed.py
    return round(time.perf_counter() - start, 3)


if __name__ == "__main__":
    main()
