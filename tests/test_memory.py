"""Freed memory is kept: the second time, a block costs no page faults."""

import os
import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource

import torch

from sklenet._memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF)
    for _ in range(10):
        blocks = [torch.zeros(2**21) for _ in range(7)]  # 56 MiB in all, freed at once as by the end of a step
        del blocks
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_minflt - before.ru_minflt

resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
keep_freed_memory()
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident
faults()
print(faults(), grown)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator learns from what is freed")
def test_freed_memory_is_kept():
    # In a process of its own, in which nothing large was freed before. Dask's workers set a variable that glibc obeys.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    program = [sys.executable, "-c", PROGRAM]
    output = subprocess.run(program, env=environment, check=True, capture_output=True, text=True).stdout
    n_faults, grown_kib = map(int, output.split())
    # Were it given back, 56 MiB would come back as 14,336 pages, ten times. What the imports free may have taught the
    # allocator already, so that there are none does not show what this call alone does.
    assert n_faults < 1000
    assert grown_kib < 1024
