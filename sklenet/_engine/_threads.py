"""Threads of forked processes. Pure torch."""

import os
from functools import partial

import torch


def use_one_thread_after_fork() -> None:
    """Make torch compute with one thread in every process that is forked from now on.

    A fork copies one thread. Where the parent has computed with several threads, OpenMP's other threads are missing in
    the child, and the first computation would wait for them for ever. PyTorch's own data loaders set the number of
    threads of their workers to one, too.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=partial(torch.set_num_threads, 1))
