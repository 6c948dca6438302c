"""
Calibrated probabilities
========================

A classifier is calibrated if, among the images that are predicted with a probability of 80 %, 80 % are classified
correctly. You learn how to check whether a classifier is calibrated, and how to calibrate a classifier with
scikit-learn.
"""

# %%
# Training and calibration
# ------------------------
#
# The probabilities of LeNet are too low on average, because label smoothing trains the network to predict probabilities
# below 1. A calibration needs images that the network was not trained on. We train on 300 images only, so that some
# predictions for test images are uncertain, and calibrate on 1,000 other images.

from sklenet import LeNetClassifier
from sklenet.datasets import load_mnist_sample

X, y = load_mnist_sample(subset="train", return_X_y=True)
X_test, y_test = load_mnist_sample(subset="test", return_X_y=True)
clf = LeNetClassifier(random_state=0).fit(X[:300], y[:300])

# %%
# Temperature scaling divides the logarithms of the probabilities by one number, which is chosen such that the
# labels of the 1,000 images have the highest likelihood. The predicted classes do not change. ``FrozenEstimator``
# prevents scikit-learn from training the network again.

from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

calibrated = CalibratedClassifierCV(FrozenEstimator(clf), method="temperature")
calibrated.fit(X[300:1300], y[300:1300])

# %%
# The log loss is the mean of -log p, where p is the probability of the true class. Lower values are better. The
# calibration lowers the log loss and does not change the accuracy.

import numpy as np

for name, estimator in {"LeNet": clf, "calibrated": calibrated}.items():
    p = estimator.predict_proba(X_test)[np.arange(len(y_test)), y_test]
    print(f"{name}: accuracy {estimator.score(X_test, y_test):.1%}, log loss {-np.log(p).mean():.3f}")

# %%
# A reliability diagram
# ---------------------
#
# :class:`~sklenet.inspection.ReliabilityDisplay` plots the accuracy against the predicted probability. On the
# diagonal, both are equal. Above the diagonal, the accuracy is higher than the predicted probability. The bars below
# show the share of the images in each bin of the probability. Where there are few images, the line is uncertain.

import matplotlib.pyplot as plt

from sklenet.inspection import ReliabilityDisplay

display = ReliabilityDisplay.from_estimator(clf, X_test, y_test, n_bins=8, name="LeNet")
after = ReliabilityDisplay.from_estimator(
    calibrated, X_test, y_test, n_bins=8, name="calibrated", marker="s", ax=[display.ax_, display.share_ax_]
)
display.ax_.legend(loc="lower left", bbox_to_anchor=(0, 1))
print(
    f"calibration error: {display.expected_calibration_error:.3f} before, {after.expected_calibration_error:.3f} after"
)
plt.show()
