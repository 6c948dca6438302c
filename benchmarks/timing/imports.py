"""How long a fresh process takes to import what BASE says, and what OWN says after that.

    python -m timing.imports BASE OWN

prints seconds as JSON. Both in one process, because how long torch takes differs more between two than OWN takes.
"""

import json
import sys
import time


def main() -> None:
    """Run the command line."""
    base, own = sys.argv[1:]
    print(json.dumps({"base_seconds": _seconds(base), "own_seconds": _seconds(own)}))


# Not timing.cell's: that module imports what is timed here.
def _seconds(code: str) -> float:
    began = time.perf_counter()
    exec(code, {})  # noqa: S102 - what benchmarks/speed.py says
    return round(time.perf_counter() - began, 3)


if __name__ == "__main__":
    main()
