"""Small fitted classifiers of scikit-learn's digits. Figures are drawn without a screen, and closed."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklenet import LeNetClassifier
from stand_ins import PixelClassifier

X, y = load_digits(return_X_y=True)
X, y = X[:300].astype(np.float32), y[:300]


@pytest.fixture(autouse=True)
def _closed_figures():
    mpl.use("Agg")
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def images():
    """Return rows of 8×8 pixels and their labels."""
    return X, y


@pytest.fixture(scope="session")
def lenet():
    return LeNetClassifier(max_epochs=2, random_state=0, device="cpu").fit(X, y)


@pytest.fixture(scope="session")
def classifiers(lenet):
    pipeline = make_pipeline(MinMaxScaler(), LeNetClassifier(max_epochs=2, random_state=0, device="cpu"))
    return {
        "LeNet": lenet,
        "forest": RandomForestClassifier(5, random_state=0).fit(X[:150], y[:150]),
        "pipeline": pipeline.fit(X, y),
    }


@pytest.fixture
def pixel_classifier():
    return PixelClassifier().fit(None, ["blank", "ink"])
