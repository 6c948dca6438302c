"""
Filters, feature maps and occlusion
===================================

LeNet-5 computes a prediction in layers: two convolutions, each followed by subsampling, and three layers of units that
receive the whole image. You learn how to show the filters of the first layer, the feature maps of each layer for an
image, and the parts of an image on which a prediction depends.
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
# The feature maps of the layers
# ------------------------------
#
# :class:`~sklenet.inspection.FeatureMapDisplay` shows the input and the feature maps of C1, S2, C3 and S4. The maps
# become smaller and more numerous from layer to layer: the maps of C1 still show the digit, with different edges in
# each map, whereas the 5×5 cells of a map of S4 show where a pattern of strokes occurs.

maps = FeatureMapDisplay.from_estimator(clf, X_test[:1])
for layer, values in maps.maps.items():
    print(f"{layer}: {values.shape[0]} of {values.shape[1]}×{values.shape[2]}")
plt.show()

# %%
# The parts of an image on which a prediction depends
# ---------------------------------------------------
#
# :class:`~sklenet.inspection.OcclusionDisplay` covers one part of the image after the other with a patch of background
# and predicts again. The probability of the predicted class falls where the patch covers strokes on which the
# prediction depends. If a map has no dark regions, the predicted class has a high probability wherever the patch is.
# The figure shows digits of four classes.

import numpy as np

first_of_class = [int(np.flatnonzero(y_test == digit)[0]) for digit in (2, 4, 8, 9)]
images = X_test[first_of_class]
print(f"predictions: {clf.predict(images).tolist()}")
OcclusionDisplay.from_estimator(clf, images)
plt.show()
