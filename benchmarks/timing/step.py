"""Profile a training step: the time of each operator, and of the same arithmetic at the peak of the machine.

    python -m timing.step [DATA_HOME]

prints JSON. The peak is the speed of torch's matrix multiplication, measured in the same process.
"""

import json
import sys
from functools import partial
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from comparison.data import load
from measuring import seconds
from sklenet import LeNetClassifier

_BATCH_SIZE, _N_STEPS = 128, 100
# Multiply-adds of an image's forward pass: C1, C3, C5, F6, output.
_MULTIPLY_ADDS = {"c1": 28 * 28 * 25 * 6, "c3": 10 * 10 * 150 * 16, "c5": 400 * 120, "f6": 120 * 84, "output": 84 * 10}
# Groups of operators. All other operators are "all else", which includes a product in the gradient of pooling.
GROUPS = {
    "aten::convolution_backward": "convolutions, backward",
    "aten::mkldnn_convolution": "convolutions, forward",
    "aten::maximum": "pooling", "aten::gt": "pooling", "aten::sub": "pooling",
    "_MaxOfRowsThenColumns": "pooling", "_MaxOfRowsThenColumnsBackward": "pooling",
    "aten::mm": "full connections", "aten::addmm": "full connections",
    "aten::threshold_backward": "ReLU", "aten::clamp_min": "ReLU", "aten::relu": "ReLU",
    "aten::grid_sampler_2d": "distortions", "aten::uniform_": "distortions", "aten::bmm": "distortions",
    "aten::linspace": "distortions", "aten::sin": "distortions", "aten::cos": "distortions",
    "Optimizer.step#AdamW.step": "optimiser", "Optimizer.zero_grad#AdamW.zero_grad": "optimiser",
    "aten::_fused_adamw_": "optimiser", "aten::_foreach_add_": "optimiser",
}  # fmt: skip


def main() -> None:
    """Run the command line."""
    print(json.dumps(measure(*sys.argv[1:])))


def measure(data_home: str | None = None) -> dict[str, Any]:
    """Time and profile warm epochs of 100 steps, and return milliseconds for each step."""
    split = load("mnist", data_home)
    n_images = _N_STEPS * _BATCH_SIZE
    X, y = split.X_train[:n_images], split.y_train[:n_images]
    model = LeNetClassifier(batch_size=_BATCH_SIZE, random_state=0)
    # The first fit warms up. The difference between three epochs and one excludes the one-time costs of a fit.
    _, one, three = (seconds(partial(model.set_params(max_epochs=n).fit, X, y)) for n in (1, 1, 3))
    step = (three - one) / (2 * _N_STEPS)
    model.set_params(max_epochs=1)
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        model.fit(X, y)
    groups: dict[str, float] = dict.fromkeys([*GROUPS.values(), "all else"], 0.0)
    for event in profiler.key_averages():
        groups[GROUPS.get(event.key, "all else")] += event.self_cpu_time_total / 1e3 / _N_STEPS
    return {
        "step": round(1e3 * step, 2),
        "at the peak": round(1e3 * _flops() / _peak_flops(), 2),
        **{name: round(milliseconds, 2) for name, milliseconds in groups.items()},
    }


def _flops() -> float:
    """Count the operations of a step. The backward pass has twice as many, but C1's input needs no gradient."""
    forward = sum(_MULTIPLY_ADDS.values())
    return 2 * _BATCH_SIZE * (3 * forward - _MULTIPLY_ADDS["c1"])


def _peak_flops(size: int = 2048, n_repeats: int = 10) -> float:
    matrix = torch.randn(size, size)
    best = min(seconds(lambda: matrix @ matrix) for _ in range(n_repeats))
    return 2 * size**3 / best


if __name__ == "__main__":
    main()
