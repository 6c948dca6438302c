"""The optimiser: the steps and the states of torch's AdamW, without the imports of torch.compile."""

import subprocess
import sys

import pytest
import torch

from sklenet._engine._optimizer import AdamW

OPTIONS = {"lr": 0.01, "weight_decay": 0.1, "fused": True}


def take_steps(optimizer, weights, targets):
    """Take a step towards each target, and return the losses and the weights."""
    losses = []
    for target in targets:
        optimizer.zero_grad()
        losses.append(optimizer.step(lambda target=target: backward(weights, target)).item())
    return losses, weights.detach().clone()


def backward(weights, target):
    loss = (weights - target).pow(2).sum()
    loss.backward()
    return loss


def run(kind):
    """Take steps, and go on with another optimiser that has the state of the first."""
    targets = torch.randn((8, 5, 3), generator=torch.Generator().manual_seed(0))
    weights = torch.ones((5, 3), requires_grad=True)
    optimizer = kind([weights], **OPTIONS)
    before = take_steps(optimizer, weights, targets[:4])
    resumed = kind([weights], **OPTIONS)
    resumed.load_state_dict(optimizer.state_dict())
    after = take_steps(resumed, weights, targets[4:])
    return *before, *after, resumed.state_dict()


@pytest.mark.slow
def test_steps_and_states_are_those_of_torch_to_the_bit():
    actual, expected = run(AdamW), run(torch.optim.AdamW)
    assert str(actual) == str(expected)
    for one, other in ((actual[1], expected[1]), (actual[3], expected[3])):
        assert torch.equal(one, other)


def test_steps_leave_the_weights_leaves_of_the_graph():
    weights = torch.ones(3, requires_grad=True)
    take_steps(AdamW([weights], **OPTIONS), weights, torch.zeros((1, 3)))
    assert weights.is_leaf
    assert not torch.equal(weights, torch.ones(3))


SCRIPT = """
import pickle, sys
import numpy as np
from sklenet import LeNetClassifier

X, y = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8), np.arange(60) % 2
for params in {"augment": "affine"}, {"augment": "elastic", "early_stopping": True}, {"architecture": "1998"}:
    model = LeNetClassifier(device="cpu", max_epochs=1, random_state=0, **params).fit(X, y)
    pickle.loads(pickle.dumps(model)).set_params(early_stopping=False).partial_fit(X, y).predict(X)
    print(*(f"{name} by {params}" for name in ("torch._dynamo", "sympy") if name in sys.modules))
"""


@pytest.mark.slow
def test_first_fits_do_not_import_torch_compile():
    # Both imports together take longer than the fit of a few hundred images, in every worker of a search.
    completed = subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True)
    assert completed.stdout.split() == []
