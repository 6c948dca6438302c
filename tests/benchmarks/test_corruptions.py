"""Corrupted test images."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from comparison.corruptions import CONDITIONS, SEVERITIES, corrupt


@pytest.fixture
def images():
    images = np.zeros((2, 28, 28), np.uint8)
    images[0, 10:18, 12:16] = 200
    images[1, 14, 14] = 100
    return images


def test_conditions_are_clean_and_all_severities():
    assert CONDITIONS[0] == "clean"
    assert len(CONDITIONS) == 1 + sum(map(len, SEVERITIES.values())) == 19


@pytest.mark.parametrize("condition", CONDITIONS)
def test_result_is_deterministic_and_the_original_is_unchanged(images, condition):
    original = images.copy()
    changed = corrupt(images, condition)
    assert changed.shape == images.shape
    assert changed.dtype == np.uint8
    assert_array_equal(corrupt(images, condition), changed)
    assert_array_equal(images, original)
    assert np.array_equal(changed, images) == (condition == "clean")


def test_shift_is_right_and_down(images):
    assert_array_equal(corrupt(images, "shift 4")[:, 4:, 4:], images[:, :-4, :-4])


def test_rotation_is_counter_clockwise():
    image = np.zeros((1, 29, 29), np.uint8)
    image[0, 14, 20:26] = 255  # to the right of the centre
    rows, columns = np.nonzero(corrupt(image, "rotation 30")[0] > 100)
    assert rows.mean() < 14 < columns.mean()


def test_scale_keeps_the_centre_and_multiplies_the_area_by_its_square(images):
    rows, columns = np.nonzero(images[0])
    smaller = corrupt(images, "scale 0.7")[0].astype(float)
    assert smaller.sum() == pytest.approx(0.49 * images[0].sum(), rel=0.1)
    centre = (smaller.sum(axis=1) @ np.arange(28) / smaller.sum(), smaller.sum(axis=0) @ np.arange(28) / smaller.sum())
    assert np.abs(np.array(centre) - (rows.mean(), columns.mean())).max() < 0.3


def test_noise_has_the_given_deviation():
    grey = np.full((20, 28, 28), 128, np.uint8)
    assert corrupt(grey, "noise 0.1").std() == pytest.approx(25.5, rel=0.02)


def test_blur_keeps_the_mean_and_contrast_reduces_the_maximum(images):
    assert corrupt(images, "blur 1")[0].mean() == pytest.approx(images[0].mean(), rel=0.02)
    assert corrupt(images, "contrast 0.25").max() == 50
