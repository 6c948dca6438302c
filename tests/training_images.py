"""Make the inputs of the engine: statistics, data of 8×8 pixels and ten classes, images and settings."""

import numpy as np

from sklenet import LeNetClassifier
from sklenet._engine import TrainingData, resolve_settings
from sklenet._engine._batches import Images
from sklenet._engine._canvas import Canvas
from sklenet._engine._pixels import PixelStatistics
from sklenet._validation._targets import training_weights


def make_statistics(rows, shape=(8, 8)):
    return PixelStatistics.from_rows(rows, shape, np.arange(len(rows)))


def make_data(X, y, sample_weight=None):
    classes = np.arange(10)
    sample_weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    weights = training_weights(y, classes, sample_weight, None)
    return TrainingData(X, (8, 8), y, weights, classes, np.arange(len(y)), seed=0)


def make_images(X, y, sample_weight=None, *, canvas=None):
    data = make_data(X, y, sample_weight)
    return Images(data, canvas or Canvas((8, 8), 64, make_statistics(X)), data.training)


def make_settings(*, is_stream=False, **params):
    defaults = {"lr": 1e-3, "batch_size": 32, "width": 0.5, "dropout": 0.0, "weight_decay": 0.01, "max_epochs": 1}
    return resolve_settings(LeNetClassifier(**defaults | params), 120, seed=0, is_stream=is_stream)
