"""
Misclassified images and confused classes
=========================================

The accuracy says how often a classifier is wrong, but not on which images. You learn how to show the misclassified
images, how to list the pairs of classes that are confused most, and what these images and pairs say about the data.
"""

# %%
# A classifier with few training images
# -------------------------------------
#
# We train on 500 digits only, so that the classifier makes mistakes to show.

from sklenet import LeNetClassifier
from sklenet.datasets import load_mnist_sample

X, y = load_mnist_sample(subset="train", return_X_y=True)
X_test, y_test = load_mnist_sample(subset="test", return_X_y=True)
clf = LeNetClassifier(random_state=0).fit(X[:500], y[:500])
y_pred = clf.predict(X_test)
print(f"{(y_pred != y_test).sum()} of {len(y_test)} test images are misclassified")

# %%
# Pairs of confused classes
# -------------------------
#
# :func:`~sklenet.inspection.most_confused` lists pairs of a true and a predicted class by the number of mistakes.
# ``rate`` is the share of the images of the true class that are confused.

from sklenet.inspection import MistakesDisplay, most_confused

print(most_confused(y_test, y_pred, n_pairs=5).to_string(float_format="{:.1%}".format))

# %%
# scikit-learn draws the whole confusion matrix. We set the diagonal to 0, because nearly all images are on the diagonal
# and would dominate the colours.

# sphinx_gallery_thumbnail_number = 2
import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay, confusion_matrix

matrix = confusion_matrix(y_test, y_pred)
np.fill_diagonal(matrix, 0)
fig, ax = plt.subplots(figsize=(5, 4.5), layout="constrained")
ConfusionMatrixDisplay(matrix).plot(ax=ax, cmap="Blues", colorbar=False)
ax.set_title("mistakes")
plt.show()

# %%
# The misclassified images
# ------------------------
#
# :class:`~sklenet.inspection.MistakesDisplay` shows the misclassified images, those with the largest loss first. The
# title of a panel is the true class and the predicted class, with the probabilities of both. Some of these digits are
# difficult for people, too. Others are written in a way that does not occur among the 500 training images.

display = MistakesDisplay.from_estimator(clf, X_test, y_test, n_images=12)
print(f"positions in X_test: {display.indices_.tolist()}")
plt.show()
