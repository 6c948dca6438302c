"""How long a process takes to import what CODE says.

python -m timing.imports CODE

prints seconds as JSON.
"""

import json
import sys
import time


def main() -> None:
    """Run the command line."""
    began = time.perf_counter()
    exec(sys.argv[1], {})  # noqa: S102 - what benchmarks/speed.py says
    print(json.dumps({"seconds": round(time.perf_counter() - began, 3)}))


if __name__ == "__main__":
    main()
