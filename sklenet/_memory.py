"""What the allocator does with freed memory. Pure torch."""

import torch

# The largest block that glibc still learns from, less its own header.
_N_BYTES = 2**25 - 2**12


def keep_freed_memory() -> None:
    """Have freed memory kept for the next step instead of given back to the system, to come back page by page.

    Whether that happens depends on what else the process has allocated: a fit in a process of its own had 0 to 118 page
    faults a step, after other work 195 to 760, and a step of other loops up to 1,266, which took half as long again.

    glibc moves its thresholds up when a mapped block of up to 32 MiB is freed (mallopt(3), M_MMAP_THRESHOLD), so it is
    enough to allocate one and drop it; no page of it is touched. At most 64 MiB stay with the process. Other allocators
    take no notice, and neither does glibc where a MALLOC_ variable sets its thresholds, as in Dask's workers.
    """
    torch.empty(_N_BYTES, dtype=torch.uint8, device="cpu")
