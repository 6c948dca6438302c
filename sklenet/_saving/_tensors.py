"""The tensors of a file: their shapes, before they are read, and their values."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Generator

from sklenet._engine import FeatureStatistics, LeNet5, layer_sizes
from sklenet._saving._container import Specs
from sklenet._saving._encoding import GENERATORS, MOMENTS, STATISTICS, STEPS
from sklenet._saving._strict import require

_FLOAT, _BYTE = np.dtype("<f4"), np.dtype("u1")

# float32 counts no further.
_MOST_STEPS = 2**24

_N_WORDS = 624  # of the Mersenne Twister

# The state of torch's generator on a CPU, as torch stores it: at::CPUGeneratorImplState.
_CPU_STATE = np.dtype(
    [
        ("seed", "u8"), ("left", "i4"), ("seeded", "i4"), ("next", "u8"), ("words", "u8", _N_WORDS),
        ("normals", "f8", 3), ("has_normal", "i4"), ("padding", "u4"),
        ("float_normal", "f4"), ("has_float_normal", "u1"), ("end", "u1", 3),
    ]
)  # fmt: skip

# A seed and an offset.
_CUDA_STATE = np.dtype([("seed", "u8"), ("offset", "u8")])

# Sizes in bytes, by the kind of device. That of MPS is a few counters.
STATE_SIZES = {"cpu": _CPU_STATE.itemsize, "cuda": _CUDA_STATE.itemsize}
MOST_STATE_SIZE = 64


def expected_specs(
    settings: dict[str, Any],
    n_classes: int,
    n_bytes: int,
    *,
    generator_sizes: tuple[int, ...],
    has_statistics: bool,
) -> Specs:
    """Return dtypes and shapes of the tensors of a network, or refuse settings whose weights no such file can hold.

    Parameters
    ----------
    settings : dict
    n_classes : int
    n_bytes : int
        Size of the file.
    generator_sizes : tuple of int
        Sizes of the states of both generators. Empty where the file does not hold what further training needs.
    has_statistics : bool
    """
    architecture, width = settings["architecture"], settings["width"]
    require(architecture == "modern" or width == 1, "the architecture of 1998 has another width than 1")
    weights = _weight_shapes(architecture, width, n_classes, n_bytes)
    specs: Specs = {name: (_FLOAT, shape) for name, shape in weights.items()}
    if generator_sizes:
        for prefix in MOMENTS.values():
            specs |= {f"{prefix}{name}": (_FLOAT, shape) for name, shape in weights.items()}
        specs |= {STEPS: (_FLOAT, (len(weights),))}
        specs |= {name: (_BYTE, (size,)) for name, size in zip(GENERATORS, generator_sizes, strict=True)}
    if has_statistics:
        n_units = layer_sizes(width)[-1]
        shapes = ((n_classes,), (n_classes, n_units), (n_units * (n_units + 1) // 2,))
        specs |= {f"statistics.{name}": (_FLOAT, shape) for name, shape in zip(STATISTICS, shapes, strict=True)}
    return specs


def _weight_shapes(architecture: str, width: float, n_classes: int, n_bytes: int) -> dict[str, tuple[int, ...]]:
    # Compared first, because products of a huge width are infinite.
    require(width <= n_bytes, f"a network of width {width:g} is larger than the file")
    maps1, maps3, maps5, units6 = layer_sizes(width)
    n_least = maps3 * 25 * maps5 + maps5 * units6 + units6 * n_classes
    n_least += maps1 * maps3 * 25 if architecture == "modern" else 0
    require(4 * n_least <= n_bytes, f"a network of width {width:g} with {n_classes} classes is larger than the file")
    module = LeNet5(n_classes, architecture=architecture, width=width, generator=Generator("cpu"))
    return {name: tuple(weight.shape) for name, weight in module.named_parameters()}


def decode_tensors(
    read: Callable[[str], NDArray[Any]], names: Iterable[str], optimizer: dict[str, Any] | None
) -> dict[str, Any]:
    """Read tensors, validate their values, and return the part of a model's state that they are."""

    def read_finite(name: str) -> NDArray[Any]:
        tensor = read(name)
        is_finite = tensor.dtype == _BYTE or np.isfinite(tensor).all()
        require(is_finite, f"the tensor {name!r} has values that are not finite")
        return tensor

    # The statistics come first, because their validation takes memory, which the weights then take.
    names_of_statistics = [name for name in names if name.startswith("statistics.")]
    statistics = _decode_statistics(*map(read_finite, names_of_statistics)) if names_of_statistics else None
    tensors = {name: read_finite(name) for name in names if name not in names_of_statistics}
    training = {"optimizer": None} if optimizer is None else _decode_training(tensors, optimizer)
    return {"statistics": statistics, **training, "weights": tensors}


def _decode_training(tensors: dict[str, NDArray[Any]], optimizer: dict[str, Any]) -> dict[str, Any]:
    """Take the moments, the steps and the generators from tensors, of which the weights are left."""
    numbers = dict(optimizer)
    kind = numbers.pop("device_kind")
    generators = {name: tensors.pop(name) for name in GENERATORS}
    _check_cpu_state(generators["generator"])
    if kind == "cpu":
        _check_cpu_state(generators["device_generator"])
    elif kind == "cuda":
        offset = generators["device_generator"].view(_CUDA_STATE)["offset"][0]
        require(offset % 4 == 0, "the state of a generator is not one of CUDA's")
    steps = tensors.pop(STEPS)
    is_count = (steps >= 1) & (steps <= _MOST_STEPS) & (steps == np.floor(steps))
    require(is_count.all(), "the numbers of steps of the optimiser are not counts")
    weights = [name for name in tensors if not name.startswith(tuple(MOMENTS.values()))]
    states = {}
    for position, name in enumerate(weights):
        moments = {moment: tensors.pop(f"{prefix}{name}") for moment, prefix in MOMENTS.items()}
        require((moments["exp_avg_sq"] >= 0).all(), f"the second moments of {name!r} have a value below zero")
        states[position] = {"step": steps[position], **moments}
    return {"optimizer": {"state": states, "param_groups": [numbers]}, "device_kind": kind, **generators}


def _check_cpu_state(state: NDArray[np.uint8]) -> None:
    """Refuse states with which torch would read beyond its memory."""
    fields = state.view(_CPU_STATE)[0]
    left, position = int(fields["left"]), int(fields["next"])
    # A new generator has drawn nothing. Later the words that are left are those behind the position.
    is_consistent = (left, position) == (1, 0) or (1 <= left <= _N_WORDS and left + position == _N_WORDS + 1)
    is_flagged = fields["seeded"] == 1 and fields["has_normal"] in (0, 1) and fields["has_float_normal"] in (0, 1)
    is_finite = np.isfinite([*fields["normals"], fields["float_normal"]]).all()
    is_sound = is_consistent and is_flagged and is_finite and (fields["words"] < 2**32).all()
    require(is_sound, "the state of a generator is not one of the Mersenne Twister")


def _decode_statistics(
    counts: NDArray[np.float32], means: NDArray[np.float32], triangle: NDArray[np.float32]
) -> dict[str, NDArray[np.float32]]:
    require((counts >= 0).all() and counts.any(), "the statistics of features have counts below zero, or none above")
    n_units = means.shape[1]
    scatter = np.zeros((n_units, n_units), dtype=np.float32)
    lower = np.tril_indices(n_units)
    scatter[lower] = triangle
    scatter.T[lower] = triangle
    is_definite = FeatureStatistics(counts, means, scatter).can_score()
    require(is_definite, "the statistics of features have a scatter that is not positive definite")
    return {"counts": counts, "means": means, "scatter": scatter}
