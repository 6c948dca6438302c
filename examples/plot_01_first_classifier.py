"""
A first classifier
==================

This example trains :class:`~sklenet.LeNetClassifier` on handwritten digits and measures the accuracy on digits that
were not used for training. You learn how to load the digits that come with the package, how to fit a classifier, and
how to read its predictions and their probabilities.
"""

# %%
# The data
# --------
#
# :func:`~sklenet.datasets.load_mnist_sample` loads 6,000 digits of MNIST that come with the package. They are divided
# into training and test images. Each row of ``X`` holds the 784 gray levels of an image of 28×28 pixels.

from sklenet.datasets import load_mnist_sample

X, y = load_mnist_sample(subset="train", return_X_y=True)
X_test, y_test = load_mnist_sample(subset="test", return_X_y=True)
print(f"{len(X)} training images, {len(X_test)} test images, {X.shape[1]} pixels each")

# %%
# Training
# --------
#
# We train on the first 2,000 images to keep the example short. No parameter needs to be set: the number of epochs and
# the size of the batches follow from the number of images. ``random_state`` makes the training reproducible.

from sklenet import LeNetClassifier

clf = LeNetClassifier(random_state=0).fit(X[:2000], y[:2000])
print(f"{clf.n_epochs_} epochs in batches of {clf.batch_size_} images")

# %%
# The accuracy is the share of test images that are classified correctly.

accuracy = clf.score(X_test, y_test)
print(f"accuracy on the test images: {accuracy:.1%}")

# %%
# Predictions
# -----------
#
# ``predict`` returns a label for each image, and ``predict_proba`` a probability for each class. The figure shows
# twelve test digits with the predicted label and its probability. All digits of the figure are classified correctly.

import matplotlib.pyplot as plt

images, digits = X_test[:12], y_test[:12]
probabilities = clf.predict_proba(images)
labels = clf.predict(images)
print(f"{(labels == digits).sum()} of {len(digits)} digits are read correctly")

fig, axes = plt.subplots(2, 6, figsize=(8, 3.2), layout="constrained")
for ax, image, label, row in zip(axes.flat, images, labels, probabilities, strict=True):
    ax.imshow(image.reshape(28, 28), cmap="gray_r")
    ax.set_title(f"{label} ({row.max():.0%})")
    ax.set_axis_off()
plt.show()
