"""Where cells are measured: on this machine, or on the workers of a Dask cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec


@contextmanager
def connect(scheduler: str | None) -> Iterator[tuple[str, int | None]]:
    """Make a Dask cluster joblib's, as long as the context lasts.

    Parameters
    ----------
    scheduler : str or None
        Its address, as ``tcp://10.0.0.1:8786``; None stays on this machine.

    Yields
    ------
    backend : str
        The name of joblib's backend.
    n_slots : int or None
        How many cells the cluster measures at a time; None leaves it to the caller.

    Raises
    ------
    OSError
        If nobody answers at that address.
    ValueError
        If no worker is there, or one cannot import this package.
    """
    if scheduler is None:
        yield "threading", None
        return
    from distributed import Client  # an optional dependency

    with Client(scheduler, timeout=10) as client:
        found = client.run(find_spec, "comparison")  # a function that every Python has
        if not found:
            raise ValueError(f"No worker has joined the scheduler at {scheduler}.")
        lost = [worker for worker, spec in found.items() if spec is None]
        if lost:
            raise ValueError(
                f"The workers {', '.join(lost)} cannot import comparison: start them with the folder benchmarks of a "
                "checkout in PYTHONPATH."
            )
        yield "dask", sum(client.ncores().values())
