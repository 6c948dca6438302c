"""
Why distortions help
====================

A digit that is rotated a little, shifted or scaled is still the same digit. By default,
:class:`~sklenet.LeNetClassifier` distorts the training images at random in every epoch, so that the network is never
trained on the same image twice. You learn how to measure the effect of distortions by learning curves with and without
distortions.
"""

# %%
# Learning curves
# ---------------
#
# We train on 50 to 400 digits, with two draws of the training images for each size, and measure the error on 1,000
# test images. ``augment=None`` switches the distortions off; the number of epochs is the same for both.

import numpy as np

from sklenet import LeNetClassifier
from sklenet.datasets import load_mnist_sample

X, y = load_mnist_sample(subset="train", return_X_y=True)
X_test, y_test = load_mnist_sample(subset="test", return_X_y=True)

sizes = [50, 100, 200, 400]
settings = {"with distortions": "affine", "without distortions": None}
errors = {name: np.empty((len(sizes), 2)) for name in settings}
for name, augment in settings.items():
    for row, size in enumerate(sizes):
        for draw in range(2):
            part = slice(1000 * draw, 1000 * draw + size)
            clf = LeNetClassifier(augment=augment, max_epochs=15, random_state=draw)
            errors[name][row, draw] = 1 - clf.fit(X[part], y[part]).score(X_test, y_test)

# %%
# With distortions, the network makes fewer errors at each of these sizes.

for row, size in enumerate(sizes):
    means = ", ".join(f"{errors[name][row].mean():.1%} {name}" for name in settings)
    print(f"{size} training images: {means}")

# %%
# The figure shows the learning curves. The points are single draws, and the lines are their means. Both axes are
# logarithmic, because errors tend to fall along a straight line on such axes.

import matplotlib.pyplot as plt
from matplotlib.ticker import PercentFormatter, ScalarFormatter

fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for name, marker in zip(settings, "os", strict=True):
    (line,) = ax.plot(sizes, errors[name].mean(axis=1), label=name)
    ax.plot(sizes, errors[name], marker, color=line.get_color(), alpha=0.5)
ax.set(xscale="log", yscale="log", xlabel="training images", ylabel="error on test images")
ax.set_xticks(sizes, minor=False)
ax.xaxis.set_major_formatter(ScalarFormatter())
ax.xaxis.set_minor_formatter("")
for set_formatter in (ax.yaxis.set_major_formatter, ax.yaxis.set_minor_formatter):
    set_formatter(PercentFormatter(1, decimals=0))
ax.legend()
plt.show()

# %%
# Switch distortions off if distortions can change the class, that is if classes differ by size, by position or by a
# small rotation.
