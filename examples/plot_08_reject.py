"""
Reject uncertain predictions
============================

If mistakes are expensive, a classifier should reject images whose prediction is uncertain. You learn how
:class:`~sklenet.RejectingClassifier` finds the threshold on the probability that keeps a wanted error, and what share
of the images is rejected and left to a person.
"""

# %%
# Choosing the threshold
# ----------------------
#
# We want an error of at most 0.5 % among the images that are not rejected. ``fit`` trains the classifier on a part of
# the images, finds the lowest threshold that keeps the wanted error on the other images, and then trains the
# classifier on all images. ``coverage_`` is the share of these other images that is not rejected. We use a single
# split to save time; the default is a cross-validation.

from sklearn.model_selection import StratifiedShuffleSplit

from sklenet import LeNetClassifier, RejectingClassifier
from sklenet.datasets import load_mnist_sample

X, y = load_mnist_sample(subset="train", return_X_y=True)
X_test, y_test = load_mnist_sample(subset="test", return_X_y=True)
split = StratifiedShuffleSplit(1, test_size=0.4, random_state=0)
clf = RejectingClassifier(LeNetClassifier(random_state=0), max_error=0.005, cv=split).fit(X[:1000], y[:1000])
print(f"threshold {clf.threshold_:.3f}, coverage {clf.coverage_:.1%}, error {clf.error_:.2%}")

# %%
# Predictions for new images
# --------------------------
#
# ``predict`` returns the label -1 for images that are rejected. The other predictions contain far fewer mistakes than
# the predictions for all images. The error on new images is not guaranteed, because the threshold was chosen on other
# images.

answers = clf.predict(X_test)
is_answered = answers != clf.reject_label_
is_wrong_everywhere = clf.estimator_.predict(X_test) != y_test
print(f"answered: {is_answered.mean():.1%}, error of the answers: {(answers != y_test)[is_answered].mean():.2%}")
print(f"error if all images were answered: {is_wrong_everywhere.mean():.2%}")

# %%
# Trade-off between coverage and error
# ------------------------------------
#
# The curve shows the error of the predictions that are not rejected for each coverage, from the most confident
# prediction on the left to all predictions on the right. The dot is the threshold that was chosen. The right panel
# shows the rejected images with the lowest probabilities, which a person has to read.

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import PercentFormatter

confidence = clf.predict_proba(X_test).max(axis=1)
order = np.argsort(-confidence)
coverage = np.arange(1, len(order) + 1) / len(order)
error = np.cumsum(is_wrong_everywhere[order]) / np.arange(1, len(order) + 1)

fig = plt.figure(figsize=(9, 3.6), layout="constrained")
left, right = fig.subfigures(1, 2, width_ratios=[3, 2])
ax = left.subplots()
ax.plot(coverage, error)
ax.plot(is_answered.mean(), error[is_answered.sum() - 1], "o", label="chosen threshold")
ax.xaxis.set_major_formatter(PercentFormatter(1))
ax.yaxis.set_major_formatter(PercentFormatter(1))
ax.set(xlabel="coverage", ylabel="error of the answers")
ax.legend()
for panel, index in zip(right.subplots(3, 4).flat, order[::-1], strict=False):
    panel.imshow(X_test[index].reshape(28, 28), cmap="gray_r")
    panel.set_title(f"{confidence[index]:.0%}", fontsize="small")
    panel.set_axis_off()
right.suptitle("least probable answers")
plt.show()
