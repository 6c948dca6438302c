"""What glibc has learned: blocks that it mapped, and gave back when freed, come from memory that it keeps."""

import os
import platform
import subprocess
import sys

import pytest

# Counts the mapped blocks (mallinfo2's hblks) that a tensor of so many MiB takes.
PROGRAM = """
import ctypes
import resource

import torch

from sklenet._memory import keep_freed_memory

class Information(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Information

def n_mapped(mebibytes):
    before = libc.mallinfo2().hblks
    block = torch.empty(mebibytes * 2**20, dtype=torch.uint8)
    return libc.mallinfo2().hblks - before

print(n_mapped(24))
resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
keep_freed_memory()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident)
print(n_mapped(1) + n_mapped(24) + n_mapped(31))
"""


def glibc_is_older_than(major, minor):
    name, version = platform.libc_ver()
    return name != "glibc" or tuple(map(int, version.split("."))) < (major, minor)


@pytest.mark.skipif(glibc_is_older_than(2, 33), reason="glibc from 2.33 on tells what it has mapped")
def test_blocks_are_kept_and_none_is_touched():
    # In a process of its own, in which nothing as large was freed before. Dask sets a variable that glibc obeys.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    program = [sys.executable, "-c", PROGRAM]
    output = subprocess.run(program, env=environment, check=True, capture_output=True, text=True).stdout
    before, grown_kib, after = map(int, output.split())
    assert before == 1
    assert after == 0
    assert grown_kib < 1024
