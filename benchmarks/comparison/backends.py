"""The joblib backends that measure cells: threads of this machine, or the workers of a Dask cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec


@contextmanager
def connect(scheduler: str | None) -> Iterator[tuple[str, int | None]]:
    """Connect joblib to a Dask cluster within the context.

    Parameters
    ----------
    scheduler : str or None
        Address of the scheduler, such as ``tcp://10.0.0.1:8786``. None uses this machine.

    Yields
    ------
    backend : str
        Name of the joblib backend.
    n_slots : int or None
        Number of cells that the cluster measures in parallel. None leaves the choice to the caller.

    Raises
    ------
    OSError
        If no scheduler answers at the address.
    ValueError
        If no worker has joined the scheduler, or a worker cannot import this package.
    """
    if scheduler is None:
        yield "threading", None
        return
    from distributed import Client  # an optional dependency

    with Client(scheduler, timeout=10) as client:
        specs = client.run(find_spec, "comparison")  # this function exists on every worker
        if not specs:
            raise ValueError(f"No worker has joined the scheduler at {scheduler}.")
        unable = [worker for worker, spec in specs.items() if spec is None]
        if unable:
            raise ValueError(
                f"The workers {', '.join(unable)} cannot import comparison. Start them with the folder benchmarks of a "
                "checkout in PYTHONPATH."
            )
        yield "dask", sum(client.ncores().values())
