"""Random distortions: geometry, invariants, and validation of what a callable of the user returns."""

import math
import random

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklenet._engine import _augment
from sklenet._engine._augment import DISTORTIONS, affine, distort, elastic

EACH_DISTORTION = pytest.mark.parametrize("distortion", [affine, elastic])
AFFINE_DRAWS = ("angle", "shear", "scale_x", "scale_y", "shift_x", "shift_y")


def make_generator(seed=0):
    return torch.Generator().manual_seed(seed)


def blob(x, y, sigma=1.5):
    """Return an image (1, 1, 32, 32) of a blob, x pixels to the right of and y pixels below the centre."""
    positions = torch.arange(32, dtype=torch.float32) - 15.5
    return torch.exp(-0.5 * ((positions[None, :] - x) ** 2 + (positions[:, None] - y) ** 2) / sigma**2)[None, None]


def centroid(image):
    positions = np.arange(32) - 15.5
    mass = image[0, 0].numpy().astype(np.float64)
    return np.array([(mass.sum(0) * positions).sum(), (mass.sum(1) * positions).sum()]) / mass.sum()


def random_images(n_images=20):
    """Return images with random pixels in the middle and a background of 0.25."""
    images = torch.full((n_images, 1, 32, 32), 0.25)
    images[:, :, 10:22, 10:22].uniform_(0.25, 1, generator=make_generator(7))
    return images


@pytest.fixture
def fix_draws(monkeypatch):
    """Return a function that sets the random draws of `affine`, within ±1, and all other draws to 0."""

    def fix(**draws):
        values = torch.tensor([draws.get(name, 0.0) for name in AFFINE_DRAWS])

        def uniform(shape, like, generator):
            return values[:, None].expand(shape) if shape[0] == len(values) else torch.zeros(shape)

        monkeypatch.setattr(_augment, "_uniform", uniform)

    return fix


@EACH_DISTORTION
def test_equal_generators_give_equal_distortions(distortion):
    images = random_images()
    assert torch.equal(distortion(images, make_generator(1)), distortion(images, make_generator(1)))
    assert not torch.equal(distortion(images, make_generator(1)), distortion(images, make_generator(2)))


@EACH_DISTORTION
def test_distortions_differ_between_images_and_calls(distortion):
    images = random_images(1).expand(2, -1, -1, -1)
    generator = make_generator()
    first, second = distortion(images, generator), distortion(images, generator)
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first, second)


@EACH_DISTORTION
def test_global_generators_are_unchanged(distortion):
    before = random.getstate(), str(np.random.get_state()), torch.get_rng_state()  # noqa: NPY002 - only read
    distortion(random_images(), make_generator())
    after = random.getstate(), str(np.random.get_state()), torch.get_rng_state()  # noqa: NPY002 - only read
    assert before[:2] == after[:2]
    assert torch.equal(before[2], after[2])


@EACH_DISTORTION
def test_shape_and_dtype_are_kept_and_the_input_is_unchanged(distortion):
    images = random_images()
    before = images.clone()
    out = distortion(images, make_generator())
    assert (out.shape, out.dtype) == (images.shape, images.dtype)
    assert torch.equal(images, before)


@EACH_DISTORTION
@pytest.mark.parametrize("value", [0.0, -0.4, 255.0])
def test_constant_images_are_unchanged(distortion, value):
    images = torch.full((50, 1, 32, 32), value)
    assert_allclose(distortion(images, make_generator()), images, rtol=1e-5)


@EACH_DISTORTION
def test_background_is_preserved_at_the_borders(distortion):
    out = distortion(random_images(200), make_generator())
    frame = torch.cat([out[:, 0, 0], out[:, 0, -1], out[:, 0, :, 0], out[:, 0, :, -1]], dim=1)
    assert_allclose(frame, 0.25, atol=1e-6)
    assert out.min() > 0.25 - 1e-5
    assert out.max() < 1 + 1e-5


@EACH_DISTORTION
def test_distortions_are_moderate(distortion):
    images = random_images(200)
    difference = (distortion(images, make_generator()) - images)[:, 0].abs().mean(dim=(1, 2)) / images.std()
    assert difference.min() > 0.01
    assert difference.max() < 1


def test_affine_with_zero_draws_is_the_identity(fix_draws):
    fix_draws()
    images = random_images()
    assert_allclose(affine(images, make_generator()), images, atol=1e-5)


def test_elastic_with_zero_draws_is_the_identity(fix_draws):
    fix_draws()
    images = random_images()
    assert_allclose(elastic(images, make_generator()), images, atol=1e-5)


@pytest.mark.parametrize("sign", [-1, 1])
def test_rotation_is_up_to_10_degrees_without_shear_or_scale(fix_draws, sign):
    fix_draws(angle=sign)
    right, down = (centroid(affine(blob(x, y), make_generator())) for x, y in [(8, 0), (0, 8)])
    assert_allclose([np.hypot(*right), np.hypot(*down)], 8, atol=0.05)
    assert_allclose(right @ down, 0, atol=0.3)
    rotation = math.degrees(math.atan2(right[1], right[0]))
    assert_allclose(abs(rotation), 10, atol=0.3)
    assert_allclose(math.degrees(math.atan2(-down[0], down[1])), rotation, atol=0.3)


def test_shear_moves_pixels_along_rows_only(fix_draws):
    fix_draws(shear=1.0)
    assert_allclose(centroid(affine(blob(8, 0), make_generator())), [8, 0], atol=0.05)
    x, y = centroid(affine(blob(0, 8), make_generator()))
    assert_allclose([abs(x), y], [0.1 * 8, 8], atol=0.05)


@pytest.mark.parametrize("sign", [-1, 1])
def test_scales_act_on_one_axis_each(fix_draws, sign):
    fix_draws(scale_x=sign)
    assert_allclose(centroid(affine(blob(6, 6), make_generator())), [6 / (1 + 0.1 * sign), 6], atol=0.05)
    fix_draws(scale_y=sign)
    assert_allclose(centroid(affine(blob(6, 6), make_generator())), [6, 6 / (1 + 0.1 * sign)], atol=0.05)


def test_shifts_are_up_to_2_pixels(fix_draws):
    fix_draws(shift_x=1.0, shift_y=-1.0)
    assert_allclose(np.abs(centroid(affine(blob(0, 0), make_generator()))), 2, atol=0.02)


def test_affine_map_is_the_rotation_times_the_scales(fix_draws):
    # R·diag(scales) maps positions in the output to positions in the image.
    fix_draws(angle=1.0, scale_x=1.0, scale_y=-1.0)
    c, s = math.cos(math.radians(10)), math.sin(math.radians(10))
    to_image = np.array([[c, -s], [s, c]]) @ np.diag([1.1, 0.9])
    for position in [(7, 0), (0, 7), (5, -5)]:
        actual = centroid(affine(blob(*position), make_generator()))
        assert_allclose(actual, np.linalg.solve(to_image, position), atol=0.1)


def test_elastic_displacement_has_a_standard_deviation_of_1_4_pixels(monkeypatch):
    identity = torch.eye(2, 3).expand(600, 2, 3)
    monkeypatch.setattr(_augment, "_random_affine", lambda images, generator: identity)
    x = torch.arange(32, dtype=torch.float32).expand(600, 1, 32, 32)  # each pixel holds its column
    displacement_x = (elastic(x, make_generator(1)) - x)[:, 0, 12:20, 12:20]
    y = x.transpose(2, 3)
    displacement_y = (elastic(y, make_generator(1)) - y)[:, 0, 12:20, 12:20]
    for displacement in (displacement_x, displacement_y):
        assert_allclose(displacement.std(), 1.4, atol=0.1)
        assert abs(displacement.mean()) < 0.1
    # Displacements in x and y are independent. Displacements of neighbours are similar.
    assert abs(np.corrcoef(displacement_x.ravel(), displacement_y.ravel())[0, 1]) < 0.1
    assert np.corrcoef(displacement_x[:, :, :-1].ravel(), displacement_x[:, :, 1:].ravel())[0, 1] > 0.95


def test_elastic_displaces_before_the_affine_map(monkeypatch):
    def distort_middle(images, matrix):
        monkeypatch.setattr(_augment, "_random_affine", lambda images, generator: matrix.expand(4, 2, 3))
        return elastic(images, make_generator(1))[:, 0, 8:24, 8:24]

    columns = torch.arange(32, dtype=torch.float32).expand(4, 1, 32, 32)  # each pixel holds its column
    rotated = distort_middle(columns, torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]))
    assert_allclose(rotated, 31 - distort_middle(columns.mT, torch.eye(2, 3)), atol=1e-4)


def test_named_distortions_are_affine_and_elastic():
    assert {"affine": affine, "elastic": elastic} == DISTORTIONS


def test_callable_gets_the_batch_and_the_generator():
    images, generator, received = random_images(), make_generator(), []

    def record(*arguments):
        received.extend(arguments)
        return arguments[0] + 1

    assert torch.equal(distort(images, record, generator), images + 1)
    assert received[0] is images
    assert received[1] is generator


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        (lambda images, _: images[:-1], r"Got \(19, 1, 32, 32\) torch.float32"),
        (lambda images, _: images[:, 0], r"Got \(20, 32, 32\)"),
        (lambda images, _: images.double(), "torch.float32. Got .*torch.float64"),
        (lambda images, _: images.numpy(), "Got ndarray"),
        (lambda images, _: None, "Got NoneType"),
        (lambda images, _: images * math.nan, "finite pixels"),
        (lambda images, _: images / 0, "finite pixels"),
    ],
)
def test_invalid_results_of_a_callable_raise(augment, message):
    with pytest.raises(ValueError, match=f"augment must return.*{message}"):
        distort(random_images(), augment, make_generator())


def test_exceptions_of_a_callable_propagate_unchanged():
    error = KeyError("custom")

    def fail(images, generator):
        raise error

    with pytest.raises(KeyError) as caught:
        distort(random_images(), fail, make_generator())
    assert caught.value is error
