#!/usr/bin/env bash
# On a machine with an accelerator: the tests on it, then the table of benchmarks/accelerator.py. Less than eight minutes.
#
#     benchmarks/accelerator.sh [DIR]    # DIR has MNIST as the cache lays it out (default: $SKLENET_DATA)
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
export SKLENET_DATA=${1:-${SKLENET_DATA:?name the folder of the data sets}}
python -m pytest -m accelerator tests
exec python benchmarks/accelerator.py
