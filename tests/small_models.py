"""Small classifiers and nets whose training takes a moment, and callbacks that watch or disturb it."""

import torch
from numpy.testing import assert_array_equal
from skorch.callbacks import Callback

from sklenet import LeNetClassifier
from sklenet._engine import start_model
from training_images import make_data, make_settings


def make(**kwargs):
    return LeNetClassifier(**{"max_epochs": 2, "batch_size": 32, "width": 0.5, "random_state": 0} | kwargs)


def get_weights(classifier):
    return [weight.numpy() for weight in classifier.net_.module_.state_dict().values()]


def assert_same_weights(first, second):
    for a, b in zip(get_weights(first), get_weights(second), strict=True):
        assert_array_equal(a, b)


def weights_differ(first, second):
    return any((a != b).any() for a, b in zip(get_weights(first), get_weights(second), strict=True))


def make_model(X, y, **params):
    return start_model(make_data(X, y), make_settings(**params), [], "cpu")


class RecordRates(Callback):
    """Record the learning rate of each step in the class, because callbacks are cloned."""

    rates: list[float] = []  # noqa: RUF012 - shared by the clones, on purpose

    def on_batch_begin(self, net, training=False, **kwargs):
        if training:
            self.rates.append(net.optimizer_.param_groups[0]["lr"])


class DegradeWeights(Callback):
    """Negate the weights of the output layer, from the fifth epoch on."""

    def on_batch_end(self, net, training=False, **kwargs):
        if training and len(net.history) > 4:
            with torch.no_grad():
                net.module_.output.weight.neg_()
