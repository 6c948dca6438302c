"""
Probabilities that can be trusted
=================================

A classifier is calibrated if, of the images to which it gives a probability of 80 %, it reads 80 % correctly. You
learn how to see whether a classifier is calibrated, and how to calibrate it with scikit-learn.
"""

# %%
# Three sets of images
# --------------------
#
# The probabilities of LeNet are too low on average, because label smoothing asks the network never to be certain. A
# calibration needs images that the network was not trained on. We train on 300 images, so that the network is in doubt
# about some of the test images, and calibrate on 1,000 others.

from sklenet import LeNetClassifier
from sklenet.datasets import load_mnist_sample

X, y = load_mnist_sample(subset="train", return_X_y=True)
X_test, y_test = load_mnist_sample(subset="test", return_X_y=True)
clf = LeNetClassifier(random_state=0).fit(X[:300], y[:300])

# %%
# Temperature scaling divides the logarithms of the probabilities by one number, which is chosen such that the
# held-out images become most likely. The predicted classes do not change. ``FrozenEstimator`` keeps scikit-learn from
# training the network again.

from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

calibrated = CalibratedClassifierCV(FrozenEstimator(clf), method="temperature")
calibrated.fit(X[300:1300], y[300:1300])

# %%
# The log loss is the mean of -log p, where p is the probability of the true class. The lower it is, the better are the
# probabilities. Calibration lowers the log loss and leaves the accuracy as it is.

import numpy as np

for name, estimator in {"LeNet": clf, "calibrated": calibrated}.items():
    p = estimator.predict_proba(X_test)[np.arange(len(y_test)), y_test]
    print(f"{name}: accuracy {estimator.score(X_test, y_test):.1%}, log loss {-np.log(p).mean():.3f}")

# %%
# A reliability diagram
# ---------------------
#
# :class:`~sklenet.inspection.ReliabilityDisplay` plots the accuracy against the predicted probability. On the
# diagonal, both are equal. Above it, the classifier is more often right than it says. The bars below show how many
# images have a probability; where there are few, the line is uncertain.

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
