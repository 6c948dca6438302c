"""Pictures of digits on paper, for tests of what finds and frames characters."""

import numpy as np
from PIL import Image

from sklenet.datasets import load_mnist_sample


def mnist_digits(n):
    """Return images (n, 28, 28) and labels of the first test images of the sample."""
    X, y = load_mnist_sample(subset="test", return_X_y=True)
    return X[:n].reshape(-1, 28, 28), y[:n]


def on_paper(digit, shape, corner, *, scale=4):
    """Write a digit with dark ink on light paper, enlarged, with its upper left corner anywhere."""
    size = [scale * side for side in digit.shape]
    paper, ink = 220.0, 60.0
    enlarged = np.asarray(Image.fromarray(digit).resize(size[::-1], Image.Resampling.BICUBIC), float) / 255
    picture = np.full(shape, paper)
    rows, columns = (slice(start, start + side) for start, side in zip(corner, size, strict=True))
    picture[rows, columns] += (ink - paper) * enlarged
    return picture


def as_gray(picture):
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def light_across(shape, darkest=0.5):
    """Return light that falls from 1 at the left edge to `darkest` at the right edge."""
    return np.broadcast_to(np.linspace(1, darkest, shape[1]), shape)


def similarity(first, second):
    """Return the correlation of the pixels of two images."""
    return np.corrcoef(np.ravel(first).astype(float), np.ravel(second).astype(float))[0, 1]
