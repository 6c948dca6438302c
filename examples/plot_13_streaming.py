"""
Learn from a stream with partial_fit
====================================

Images that arrive one batch after the other do not need to be kept: ``partial_fit`` trains on each batch once. You
learn how to evaluate a classifier on a stream, and how LeNet compares with a linear classifier there.
"""

# %%
# Test, then train
# ----------------
#
# Each batch of 100 digits first tests the classifiers and then trains them, so that every image is a test image
# before it is a training image. The first call names all classes, because the first batch may lack some.

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
# LeNet standardises the pixels by itself, from the first batch. The linear classifier needs pixels between 0 and 1.

for name, values in accuracies.items():
    print(
        f"{name}: accuracy {np.mean(values[:5]):.1%} on the first five batches, {np.mean(values[-5:]):.1%} on the last"
    )

# %%
# The picture shows the mean accuracy over the last five batches. LeNet starts lower, since a network needs some
# training steps, and is ahead at the end.

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
