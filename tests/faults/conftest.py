"""A fitted model that the tests of bad input share."""

import pytest

from faults.helpers import X_TRAIN, Y_TRAIN, lenet


@pytest.fixture(scope="session")
def digits_model():
    """Return a model fitted on 300 digits of 28×28 uint8 pixels; tests only predict with it."""
    return lenet(max_epochs=5).fit(X_TRAIN, Y_TRAIN)
