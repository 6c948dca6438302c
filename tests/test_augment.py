"""Random distortions: geometry, what stays as it is, and what a user's own may return."""

import math
import random

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklenet._engine import _augment
from sklenet._engine._augment import DISTORTIONS, affine, distort, elastic

BOTH = pytest.mark.parametrize("distortion", [affine, elastic])
AFFINE_DRAWS = ("angle", "shear", "scale_x", "scale_y", "shift_x", "shift_y")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def blob(x, y, sigma=1.5):
    """One image (1, 1, 32, 32) of a spot at x, y pixels from the centre, to the right and down."""
    at = torch.arange(32, dtype=torch.float32) - 15.5
    return torch.exp(-0.5 * ((at[None, :] - x) ** 2 + (at[:, None] - y) ** 2) / sigma**2)[None, None]


def centroid(image):
    at = np.arange(32) - 15.5
    mass = image[0, 0].numpy().astype(np.float64)
    return np.array([(mass.sum(0) * at).sum(), (mass.sum(1) * at).sum()]) / mass.sum()


def random_images(n_images=20):
    """Ink in the middle, 0.25 around it."""
    images = torch.full((n_images, 1, 32, 32), 0.25)
    images[:, :, 10:22, 10:22].uniform_(0.25, 1, generator=seeded(7))
    return images


@pytest.fixture
def drawn(monkeypatch):
    """Choose what `affine` draws, each within ±1, and nothing at random."""

    def choose(**chosen):
        values = torch.tensor([chosen.get(name, 0.0) for name in AFFINE_DRAWS])

        def uniform(shape, like, generator):
            return values[:, None].expand(shape) if shape[0] == len(values) else torch.zeros(shape)

        monkeypatch.setattr(_augment, "_uniform", uniform)

    return choose


@BOTH
def test_equal_generators_give_equal_distortions(distortion):
    images = random_images()
    assert torch.equal(distortion(images, seeded(1)), distortion(images, seeded(1)))
    assert not torch.equal(distortion(images, seeded(1)), distortion(images, seeded(2)))


@BOTH
def test_each_image_is_distorted_in_its_own_way_each_time(distortion):
    images = random_images(1).expand(2, -1, -1, -1)
    generator = seeded()
    first, second = distortion(images, generator), distortion(images, generator)
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first, second)


@BOTH
def test_no_global_generator_is_touched(distortion):
    before = random.getstate(), str(np.random.get_state()), torch.get_rng_state()  # noqa: NPY002 - is read
    distortion(random_images(), seeded())
    after = random.getstate(), str(np.random.get_state()), torch.get_rng_state()  # noqa: NPY002 - is read
    assert before[:2] == after[:2]
    assert torch.equal(before[2], after[2])


@BOTH
def test_shape_dtype_and_the_given_images_are_kept(distortion):
    images = random_images()
    before = images.clone()
    out = distortion(images, seeded())
    assert (out.shape, out.dtype) == (images.shape, images.dtype)
    assert torch.equal(images, before)


@BOTH
@pytest.mark.parametrize("value", [0.0, -0.4, 255.0])
def test_a_constant_image_stays_that_constant(distortion, value):
    images = torch.full((50, 1, 32, 32), value)
    assert_allclose(distortion(images, seeded()), images, rtol=1e-5)


@BOTH
def test_background_is_preserved_at_the_borders(distortion):
    out = distortion(random_images(200), seeded())
    frame = torch.cat([out[:, 0, 0], out[:, 0, -1], out[:, 0, :, 0], out[:, 0, :, -1]], dim=1)
    assert_allclose(frame, 0.25, atol=1e-6)
    assert out.min() > 0.25 - 1e-5
    assert out.max() < 1 + 1e-5


@BOTH
def test_distortions_are_moderate(distortion):
    images = random_images(200)
    difference = (distortion(images, seeded()) - images)[:, 0].abs().mean(dim=(1, 2)) / images.std()
    assert difference.min() > 0.01
    assert difference.max() < 1


def test_affine_of_no_strength_changes_nothing(drawn):
    drawn()
    images = random_images()
    assert_allclose(affine(images, seeded()), images, atol=1e-5)


def test_elastic_of_no_strength_changes_nothing(drawn):
    drawn()
    images = random_images()
    assert_allclose(elastic(images, seeded()), images, atol=1e-5)


@pytest.mark.parametrize("sign", [-1, 1])
def test_rotation_is_by_10_degrees_without_shear_or_scale(drawn, sign):
    drawn(angle=sign)
    right, down = (centroid(affine(blob(x, y), seeded())) for x, y in [(8, 0), (0, 8)])
    assert_allclose([np.hypot(*right), np.hypot(*down)], 8, atol=0.05)
    assert_allclose(right @ down, 0, atol=0.3)
    turned = math.degrees(math.atan2(right[1], right[0]))
    assert_allclose(abs(turned), 10, atol=0.3)
    assert_allclose(math.degrees(math.atan2(-down[0], down[1])), turned, atol=0.3)


def test_shear_slants_along_the_rows_only(drawn):
    drawn(shear=1.0)
    assert_allclose(centroid(affine(blob(8, 0), seeded())), [8, 0], atol=0.05)
    x, y = centroid(affine(blob(0, 8), seeded()))
    assert_allclose([abs(x), y], [0.1 * 8, 8], atol=0.05)


@pytest.mark.parametrize("sign", [-1, 1])
def test_scales_are_of_each_axis_alone(drawn, sign):
    drawn(scale_x=sign)
    assert_allclose(centroid(affine(blob(6, 6), seeded())), [6 / (1 + 0.1 * sign), 6], atol=0.05)
    drawn(scale_y=sign)
    assert_allclose(centroid(affine(blob(6, 6), seeded())), [6, 6 / (1 + 0.1 * sign)], atol=0.05)


def test_shifts_are_up_to_2_pixels(drawn):
    drawn(shift_x=1.0, shift_y=-1.0)
    assert_allclose(np.abs(centroid(affine(blob(0, 0), seeded()))), 2, atol=0.02)


def test_rotation_and_scale_together_keep_the_images_axes_apart(drawn):
    # Scaled along its own axes, then turned: positions in the output are mapped by R·diag(scales) to the image.
    drawn(angle=1.0, scale_x=1.0, scale_y=-1.0)
    c, s = math.cos(math.radians(10)), math.sin(math.radians(10))
    to_image = np.array([[c, -s], [s, c]]) @ np.diag([1.1, 0.9])
    for position in [(7, 0), (0, 7), (5, -5)]:
        found = centroid(affine(blob(*position), seeded()))
        assert_allclose(found, np.linalg.solve(to_image, position), atol=0.1)


def test_elastic_displacement_is_1_4_pixels(monkeypatch):
    still = torch.eye(2, 3).expand(600, 2, 3)
    monkeypatch.setattr(_augment, "_random_affine", lambda images, generator: still)
    x = torch.arange(32, dtype=torch.float32).expand(600, 1, 32, 32)  # pixels say where they are
    moved_x = (elastic(x, seeded(1)) - x)[:, 0, 12:20, 12:20]
    y = x.transpose(2, 3)
    moved_y = (elastic(y, seeded(1)) - y)[:, 0, 12:20, 12:20]
    for moved in (moved_x, moved_y):
        assert_allclose(moved.std(), 1.4, atol=0.1)
        assert abs(moved.mean()) < 0.1
    # Both directions are displaced independently, and neighbours alike.
    assert abs(np.corrcoef(moved_x.ravel(), moved_y.ravel())[0, 1]) < 0.1
    assert np.corrcoef(moved_x[:, :, :-1].ravel(), moved_x[:, :, 1:].ravel())[0, 1] > 0.95


def test_elastic_displaces_first_and_turns_then(monkeypatch):
    def middle(images, matrix):
        monkeypatch.setattr(_augment, "_random_affine", lambda images, generator: matrix.expand(4, 2, 3))
        return elastic(images, seeded(1))[:, 0, 8:24, 8:24]

    columns = torch.arange(32, dtype=torch.float32).expand(4, 1, 32, 32)  # pixels say in which column they are
    turned = middle(columns, torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]))
    assert_allclose(turned, 31 - middle(columns.mT, torch.eye(2, 3)), atol=1e-4)


def test_named_distortions_are_these():
    assert {"affine": affine, "elastic": elastic} == DISTORTIONS


def test_a_callable_gets_the_batch_and_the_generator():
    images, generator, seen = random_images(), seeded(), []

    def record(*arguments):
        seen.extend(arguments)
        return arguments[0] + 1

    assert torch.equal(distort(images, record, generator), images + 1)
    assert seen[0] is images
    assert seen[1] is generator


@pytest.mark.parametrize(
    ("bad", "message"),
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
def test_what_cannot_be_trained_on_is_refused(bad, message):
    with pytest.raises(ValueError, match=f"augment must return.*{message}"):
        distort(random_images(), bad, seeded())


def test_an_exception_of_the_callable_passes_unchanged():
    error = KeyError("mine")

    def fail(images, generator):
        raise error

    with pytest.raises(KeyError) as caught:
        distort(random_images(), fail, seeded())
    assert caught.value is error
