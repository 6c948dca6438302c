"""Training images of eight by eight pixels and ten classes, as `fit` makes them of arrays."""

import numpy as np

from sklenet._batches import Images
from sklenet._canvas import Canvas
from sklenet._pixels import PixelStatistics
from sklenet._targets import training_weights


def make_images(X, y, sample_weight=None):
    classes = np.arange(10)
    sample_weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    weights = training_weights(y, classes, sample_weight, None)
    return Images(X, y, weights, classes, Canvas((8, 8), PixelStatistics.of(X, (8, 8))), np.arange(len(y)))
