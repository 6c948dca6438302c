"""Pooling against torch's own: values and gradients to the bit, in either layout."""

import pytest
import torch
import torch.nn.functional as F

from sklenet._engine._pooling import MaxPool2x2

LAYOUTS = pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format], ids=["last", "first"])


def random_maps(layout, shape=(7, 6, 28, 20)):
    maps = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return maps.to(memory_format=layout).requires_grad_()


@LAYOUTS
def test_values_and_gradients_are_those_of_torch(layout):
    maps = random_maps(layout)
    ours, expected = MaxPool2x2()(maps), F.max_pool2d(maps, 2)
    assert torch.equal(ours, expected)
    assert ours.is_contiguous(memory_format=layout)
    gradient = torch.randn(ours.shape, generator=torch.Generator().manual_seed(1))
    found = [torch.autograd.grad(pooled, maps, gradient)[0] for pooled in (ours, expected)]
    assert torch.equal(*found)


@LAYOUTS
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_values_without_a_gradient_are_the_same(layout, mode):
    maps = random_maps(layout)
    expected = F.max_pool2d(maps, 2)
    with mode():
        assert torch.equal(MaxPool2x2()(maps), expected)


@pytest.mark.parametrize(
    ("block", "to"),
    [
        ([[1, 1], [1, 1]], (0, 0)),
        ([[0, 1], [0, 1]], (0, 1)),
        ([[0, 0], [1, 1]], (1, 0)),
        ([[0, 1], [1, 0]], (1, 0)),
        ([[0, 0], [0, 1]], (1, 1)),
    ],
)
def test_of_equal_pixels_one_has_the_whole_gradient(block, to):
    maps = torch.tensor(block, dtype=torch.float32)[None, None].requires_grad_()
    MaxPool2x2()(maps).backward(torch.full((1, 1, 1, 1), 3.0))
    assert maps.grad[0, 0].nonzero().tolist() == [list(to)]
    assert maps.grad.sum() == 3


def test_nan_is_passed_on():
    maps = torch.zeros(1, 1, 2, 2)
    maps[0, 0, 1, 0] = torch.nan
    assert MaxPool2x2()(maps).isnan().all()
    assert MaxPool2x2()(maps.requires_grad_()).isnan().all()
