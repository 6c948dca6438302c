"""
Read your own handwriting from a photo
======================================

A network that is trained on MNIST expects light strokes on a dark background, in the middle of an image of 28×28
pixels. A photo of a digit on paper is dark on light, unevenly lit, and of any size. You learn how
:class:`~sklenet.preprocessing.CharacterFramer` converts photos to images like the training images, and how much this
conversion reduces the error.
"""

# %%
# Photos of digits on paper
# -------------------------
#
# For photos of your own, pass their paths to ``CharacterFramer``. This example has to run without a camera, so a
# function simulates photos of test digits of MNIST: each digit is enlarged, drawn with a dark pen at a random position
# on gray paper, and lit from one side. Noise simulates that of a camera.

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from sklenet.datasets import load_mnist_sample

rng = np.random.default_rng(0)


def photograph(digit):
    """Return a photo (160, 200), uint8, of a digit (28, 28) on paper."""
    side = int(rng.integers(80, 140))
    strokes = np.asarray(Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)) / 255
    top, left = rng.integers(0, 160 - side), rng.integers(0, 200 - side)
    ink = np.zeros((160, 200))
    ink[top : top + side, left : left + side] = strokes
    light = np.linspace(1.0, rng.uniform(0.5, 0.9), 200)  # the light falls off from the left to the right
    paper = 230 * light * (1 - 0.7 * gaussian_filter(ink, 1))
    return np.clip(paper + rng.normal(0, 3, paper.shape), 0, 255).astype(np.uint8)


digits, y_digits = load_mnist_sample(subset="test", return_X_y=True)
digits, y_digits = digits[:100].reshape(-1, 28, 28), y_digits[:100]
photos = [photograph(digit) for digit in digits]

# %%
# A classifier for MNIST
# ----------------------

from sklenet import LeNetClassifier

X, y = load_mnist_sample(subset="train", return_X_y=True)
clf = LeNetClassifier(random_state=0).fit(X[:1000], y[:1000])
print(f"error on the original digits: {1 - clf.score(digits, y_digits):.1%}")

# %%
# A naive conversion inverts the photo and resizes it to 28×28 pixels. The strokes are then too small and not
# centred, and the paper is gray instead of black. The classifier misclassifies most of these images.

resized = [Image.fromarray(255 - photo).resize((28, 28), Image.Resampling.BOX) for photo in photos]
resized = np.stack([np.asarray(image) for image in resized])
naive = clf.predict(resized)
print(f"error on resized photos: {np.mean(naive != y_digits):.1%}")

# %%
# Framing
# -------
#
# :class:`~sklenet.preprocessing.CharacterFramer` finds the ink under uneven light, scales the character so that
# the longer side has 20 pixels, and moves the centre of mass to the middle of the image. ``CharacterFramer`` is a
# transformer and can also be the first step of a pipeline.

from sklenet.preprocessing import CharacterFramer

framed = CharacterFramer().transform(photos).reshape(-1, 28, 28)
answers = clf.predict(framed)
print(f"error on framed photos: {np.mean(answers != y_digits):.1%}")

# %%
# The figure shows six photos above the resized and the framed images, with the predictions of the classifier. The
# framed images look like digits of MNIST, and the error on the framed images is close to that on the original digits.

import matplotlib.pyplot as plt

fig, axes = plt.subplots(3, 6, figsize=(9, 4.8), layout="constrained")
for column, (top, middle, bottom) in enumerate(axes.T):
    top.imshow(photos[column], cmap="gray", vmin=0, vmax=255)
    top.set_title(f"a {y_digits[column]}")
    middle.imshow(resized[column], cmap="gray", vmin=0, vmax=255)
    middle.set_title(f"resized: {naive[column]}")
    bottom.imshow(framed[column], cmap="gray", vmin=0, vmax=255)
    bottom.set_title(f"framed: {answers[column]}")
for ax in axes.flat:
    ax.set_axis_off()
plt.show()
