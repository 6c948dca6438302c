"""
What the network sees
=====================

LeNet-5 computes its answer in layers: two convolutions, each followed by a reduction of the picture, and three layers
of units that see the whole picture. You learn how to show the filters of the first layer, what each layer makes of an
image, and which part of an image a prediction depends on.
"""

# %%
# A classifier
# ------------

from sklenet import LeNetClassifier
from sklenet.datasets import load_mnist_sample

X, y = load_mnist_sample(subset="train", return_X_y=True)
X_test, y_test = load_mnist_sample(subset="test", return_X_y=True)
clf = LeNetClassifier(random_state=0).fit(X[:1000], y[:1000])
print(f"accuracy: {clf.score(X_test, y_test):.1%}")

# %%
# The filters of the first layer
# ------------------------------
#
# :class:`~sklenet.inspection.FilterDisplay` shows the weights of the first convolution, C1. Red weights respond to
# ink, blue weights to background. A filter with red weights on one side and blue weights on the other responds to
# edges in that direction.

import matplotlib.pyplot as plt

from sklenet.inspection import FeatureMapDisplay, FilterDisplay, OcclusionDisplay

# sphinx_gallery_thumbnail_number = 2
filters = FilterDisplay.from_estimator(clf)
print(f"{filters.filters.shape[0]} filters of {filters.filters.shape[1]}×{filters.filters.shape[2]} weights")
plt.show()

# %%
# An image on its way through the layers
# --------------------------------------
#
# :class:`~sklenet.inspection.FeatureMapDisplay` shows the input and the maps of C1, S2, C3 and S4. The maps become
# smaller and more numerous from layer to layer: C1 still shows the digit, with different edges in each map, whereas
# S4 says in 5×5 cells where a pattern of strokes occurs.

maps = FeatureMapDisplay.from_estimator(clf, X_test[:1])
for layer, values in maps.maps.items():
    print(f"{layer}: {values.shape[0]} of {values.shape[1]}×{values.shape[2]}")
plt.show()

# %%
# The part of the image that matters
# ----------------------------------
#
# :class:`~sklenet.inspection.OcclusionDisplay` covers one part of the image after the other with a patch of
# background and predicts again. The probability of the predicted class falls where the patch covers strokes that the
# prediction depends on. A map without dark places belongs to a digit that is read correctly whatever the patch
# covers. We show digits of four classes.

import numpy as np

first_of_class = [int(np.flatnonzero(y_test == digit)[0]) for digit in (2, 4, 8, 9)]
images = X_test[first_of_class]
print(f"predictions: {clf.predict(images).tolist()}")
OcclusionDisplay.from_estimator(clf, images)
plt.show()
