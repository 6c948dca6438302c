"""LeNet5 against an implementation in NumPy, and against the numbers of parameters of the paper."""

import math

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.testing import assert_allclose, assert_array_equal

from sklenet import LeNet5
from sklenet._engine._network import Dropout, MaxPool2x2, ScaledTanh

# Table I of the paper: for each C3 map, the S2 maps to which the C3 map is connected.
CONTIGUOUS_3 = [(0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (4, 5, 0), (5, 0, 1)]
CONTIGUOUS_4 = [(0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (3, 4, 5, 0), (4, 5, 0, 1), (5, 0, 1, 2)]
DISCONTINUOUS_4 = [(0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)]
TABLE_I = [*CONTIGUOUS_3, *CONTIGUOUS_4, *DISCONTINUOUS_4, (0, 1, 2, 3, 4, 5)]

LAYERS = ("c1", "s2", "c3", "s4", "c5", "f6", "output")


def make(architecture="modern", seed=0, **kwargs):
    return LeNet5(architecture=architecture, generator=torch.Generator().manual_seed(seed), **kwargs).eval()


def randomise(module, seed=1):
    """Draw all parameters at random, so that no structure hides an error, and return the parameters as arrays."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.uniform_(-0.3, 0.3, generator=generator)
    return {name: value.detach().numpy().astype(np.float64) for name, value in module.named_parameters()}


def random_images(n_images=5, seed=2):
    return torch.empty(n_images, 1, 32, 32).uniform_(-1, 1, generator=torch.Generator().manual_seed(seed))


def convolve(maps, kernel, bias):
    """Correlate maps (b, i, h, w) with a kernel (o, i, 5, 5)."""
    windows = sliding_window_view(maps, (5, 5), axis=(2, 3))
    return np.einsum("bihwkl,oikl->bohw", windows, kernel) + bias[:, None, None]


def blocks(maps):
    """Cut maps (b, i, h, w) into blocks of 2×2 pixels, (b, i, h / 2, w / 2, 4)."""
    corners = [maps[:, :, row::2, column::2] for row in (0, 1) for column in (0, 1)]
    return np.stack(corners, axis=-1)


def squash(x):
    return 1.7159 * np.tanh(2 / 3 * x)


def modern(images, p):
    def pool(maps):
        return blocks(np.maximum(maps, 0)).max(-1)

    x = pool(convolve(images, p["c1.weight"], p["c1.bias"]))
    x = pool(convolve(x, p["c3.weight"], p["c3.bias"]))
    x = x.reshape(len(x), -1)
    x = np.maximum(x @ p["c5.weight"].T + p["c5.bias"], 0)
    x = np.maximum(x @ p["f6.weight"].T + p["f6.bias"], 0)
    return x @ p["output.weight"].T + p["output.bias"]


def lenet_1998(images, p):
    def subsample(maps, layer):
        sums = blocks(squash(maps)).sum(-1)
        return squash(sums * p[f"{layer}.1.coefficient"] + p[f"{layer}.1.bias"])

    s2 = subsample(convolve(images, p["c1.weight"], p["c1.bias"]), "s2")
    kernels = iter(p["c3.weight"])
    c3 = np.empty((len(images), 16, 10, 10))
    for c3_map, connected in enumerate(TABLE_I):
        c3[:, c3_map] = p["c3.bias"][c3_map]
        for s2_map in sorted(connected):
            c3[:, c3_map] += convolve(s2[:, [s2_map]], next(kernels)[None, None], np.zeros(1))[:, 0]
    s4 = subsample(c3, "s4").reshape(len(images), -1)
    c5 = squash(s4 @ p["c5.weight"].T + p["c5.bias"])
    f6 = squash(c5 @ p["f6.weight"].T + p["f6.bias"])
    return f6 @ p["output.weight"].T + p["output.bias"]


@pytest.mark.parametrize(("architecture", "oracle"), [("modern", modern), ("1998", lenet_1998)])
def test_forward_pass_equals_the_numpy_implementation(architecture, oracle):
    module = make(architecture)
    parameters = randomise(module)
    images = random_images()

    with torch.inference_mode():
        logits = module(images).numpy()

    expected = oracle(images.numpy().astype(np.float64), parameters)
    assert_allclose(logits, expected, rtol=1e-5, atol=1e-5)
    assert expected.std() > 0.1  # the logits are not constant


def test_c3_of_1998_has_the_connections_of_table_i():
    module = make("1998")
    for s2_map in range(6):
        maps = torch.zeros(1, 6, 14, 14, requires_grad=True)
        out = module.c3(maps)
        actual = [
            c3_map
            for c3_map in range(16)
            if torch.autograd.grad(out[0, c3_map].sum(), maps, retain_graph=True)[0][0, s2_map].any()
        ]
        assert actual == [c3_map for c3_map, connected in enumerate(TABLE_I) if s2_map in connected]


def n_parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_1998_has_the_numbers_of_parameters_of_the_paper():
    module = make("1998")
    counts = [n_parameters(getattr(module, layer)) for layer in LAYERS]
    assert counts == [156, 12, 1_516, 32, 48_120, 10_164, 850]
    assert n_parameters(module) == sum(counts)


def test_modern_has_61706_parameters():
    module = make()
    counts = [n_parameters(getattr(module, layer)) for layer in LAYERS]
    assert counts == [156, 0, 2_416, 0, 48_120, 10_164, 850]
    assert n_parameters(module) == 61_706


@pytest.mark.parametrize(
    ("width", "sizes"), [(0.5, (3, 8, 60, 40)), (1, (6, 16, 120, 84)), (2.0, (12, 32, 240, 168)), (0.01, (1, 4, 4, 4))]
)
def test_width_scales_layers_to_multiples_of_4_except_c1(width, sizes):
    module = make(width=width, n_classes=7)
    assert tuple(len(getattr(module, layer).bias) for layer in ("c1", "c3", "c5", "f6")) == sizes
    assert module(random_images(3)).shape == (3, 7)


def test_1998_with_another_width_raises():
    with pytest.raises(ValueError, match=r"width must be 1\. Got 2\.0"):
        make("1998", width=2.0)


def test_unknown_architecture_raises():
    with pytest.raises(ValueError, match=r"'modern', '1998'.*'alexnet'"):
        make("alexnet")


@pytest.mark.parametrize("architecture", ["modern", "1998"])
def test_weights_are_equal_if_and_only_if_generators_are_equal(architecture):
    first, second, other = (list(make(architecture, seed).parameters()) for seed in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[0], other[0])


@pytest.mark.parametrize("architecture", ["modern", "1998"])
def test_global_generator_is_unchanged(architecture):
    before = torch.get_rng_state()
    module = make(architecture, dropout=0.5).train()
    module.dropout.generator = torch.Generator().manual_seed(0)
    module(random_images())
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_are_float32_on_the_cpu_under_other_defaults():
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        with torch.device("meta"):
            parameters = list(make("1998").parameters())
    finally:
        torch.set_default_dtype(before)
    assert {(parameter.dtype, parameter.device.type) for parameter in parameters} == {(torch.float32, "cpu")}


def test_modern_weights_have_he_initialisation():
    module = make()
    for layer, fan_in in [(module.c1, 25), (module.c3, 150), (module.c5, 400), (module.f6, 120), (module.output, 84)]:
        bound = math.sqrt(6 / fan_in)
        assert 0.9 * bound < layer.weight.abs().max() <= bound
        assert not layer.bias.any()


def test_1998_weights_have_variance_1_over_fan_in():
    module = make("1998")
    for layer, fan_in in [(module.c1, 25), (module.c5, 400), (module.f6, 120), (module.output, 84)]:
        bound = math.sqrt(3 / fan_in)
        assert 0.9 * bound < layer.weight.abs().max() <= bound
    kernels = iter(module.c3.weight)
    for connected in TABLE_I:
        bound = math.sqrt(3 / (25 * len(connected)))
        assert 0.8 * bound < max(float(next(kernels).detach().abs().max()) for _ in connected) <= bound
    assert not any(bias.any() for name, bias in module.named_parameters() if name.endswith("bias"))


def test_scaled_tanh_is_1_at_1_and_odd():
    x = torch.tensor([1.0, -1.0, 0.0, 100.0])
    assert_allclose(ScaledTanh()(x), [1, -1, 0, 1.7159], atol=1e-5)


def make_dropout(p, seed=0):
    layer = Dropout(p)
    layer.generator = torch.Generator().manual_seed(seed)
    return layer


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_preserves_the_mean(p):
    x = torch.ones(400, 500)
    out = make_dropout(p)(x)
    dropped = float((out == 0).float().mean())
    assert abs(dropped - p) < 0.01
    assert_allclose(out[out != 0].unique(), 1 / (1 - p), rtol=1e-6)
    assert abs(float(out.mean()) - 1) < 0.03


def test_dropout_is_the_identity_in_evaluation_and_at_0():
    x = torch.randn(10, 10, generator=torch.Generator().manual_seed(0))
    assert torch.equal(make_dropout(0.5).eval()(x), x)
    assert torch.equal(make_dropout(0.0)(x), x)


def test_dropout_draws_from_its_own_generator():
    x = torch.ones(100, 100)
    first, second, other = make_dropout(0.5, 1), make_dropout(0.5, 1), make_dropout(0.5, 2)
    before = torch.get_rng_state()
    assert_array_equal(first(x), second(x))
    assert_array_equal(first(x), second(x))
    assert not torch.equal(first(x), other(x))
    assert torch.equal(torch.get_rng_state(), before)


def test_dropout_zeroes_inputs_of_f6_and_output():
    module = make(dropout=0.5).train()
    module.dropout.generator = torch.Generator().manual_seed(0)
    inputs = {}
    module.f6.register_forward_pre_hook(lambda _, args: inputs.update(f6=args[0]))
    module.output.register_forward_pre_hook(lambda _, args: inputs.update(output=args[0]))
    with torch.no_grad():
        for layer in (module.c5, module.f6):  # no unit is zero without dropout
            layer.weight.zero_()
            layer.bias.fill_(1)
    module(random_images(50))
    assert {name: round(float((x == 0).float().mean()), 1) for name, x in inputs.items()} == {"f6": 0.5, "output": 0.5}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_pooling_equals_that_of_torch(training, layout):
    x = torch.randn((3, 6, 28, 28), generator=torch.Generator().manual_seed(0)).to(memory_format=layout)
    x[0, 0, :2, :2] = torch.nan
    pooled = MaxPool2x2().train(training)(x)
    expected = torch.nn.functional.max_pool2d(x, 2)
    assert torch.equal(pooled.nan_to_num(99), expected.nan_to_num(99))
    assert torch.equal(pooled.isnan(), expected.isnan())
