"""
Learn from a stream with partial_fit
====================================

Images that arrive in a stream of batches do not need to be stored: ``partial_fit`` trains on each batch once. You
learn how to evaluate a classifier on a stream, and how LeNet compares with a linear classifier on a stream.
"""

# %%
# Testing before training
# -----------------------
#
# The classifiers are first tested and then trained on each batch of 100 digits, so that every image is a test image
# before it is a training image. The first call names all classes, because the first batch may lack some classes.

import numpy as np
from sklearn.linear_model import SGDClassifier

from sklenet import LeNetClassifier
from sklenet.datasets import load_mnist_sample

X, y = load_mnist_sample(subset="train", return_X_y=True)
classes = np.unique(y)
lenet = LeNetClassifier(random_state=0)
linear = SGDClassifier(loss="log_loss", random_state=0)
accuracies = {"LeNet": [], "linear": []}
for start in range(0, len(X), 100):
    batch, labels = X[start : start + 100], y[start : start + 100]
    if start > 0:
        accuracies["LeNet"].append(lenet.score(batch, labels))
        accuracies["linear"].append(linear.score(batch / 255, labels))
    lenet.partial_fit(batch, labels, classes=classes)
    linear.partial_fit(batch / 255, labels, classes=classes)

# %%
# LeNet standardises the pixels with the statistics of the first batch. The linear classifier needs pixels between 0
# and 1.

for name, values in accuracies.items():
    print(
        f"{name}: accuracy {np.mean(values[:5]):.1%} on the first five batches, {np.mean(values[-5:]):.1%} on the last"
    )

# %%
# The figure shows the mean accuracy over the last five batches. At the beginning, LeNet has a lower accuracy, because a
# network needs some training steps. At the end, LeNet has a higher accuracy.

import matplotlib.pyplot as plt
from matplotlib.ticker import PercentFormatter

fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for name, values in accuracies.items():
    means = np.convolve(values, np.full(5, 0.2), mode="valid")
    ax.plot(100 * np.arange(6, 6 + len(means)), means, label=name)
ax.yaxis.set_major_formatter(PercentFormatter(1))
ax.set(xlabel="images seen", ylabel="accuracy on the next images")
ax.legend()
plt.show()
