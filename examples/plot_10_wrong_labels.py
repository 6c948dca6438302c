"""
Find wrong labels with cleanlab
===============================

Labels that people assign contain mistakes. You learn how to find images whose label is probably wrong. The method uses
probabilities that are predicted in a cross-validation, and the package cleanlab, which works with any classifier of
scikit-learn.
"""

# %%
# Digits with wrong labels
# ------------------------
#
# We give 24 of 600 digits a wrong label, and count afterwards how many of these labels are found.

import numpy as np

from sklenet.datasets import load_mnist_sample

X, y_true = load_mnist_sample(subset="train", return_X_y=True)
X, y_true = X[:600], y_true[:600]
rng = np.random.default_rng(0)
wrong = rng.choice(len(X), 24, replace=False)
y = y_true.copy()
y[wrong] = (y[wrong] + rng.integers(1, 10, len(wrong))) % 10

# %%
# Probabilities from a cross-validation
# -------------------------------------
#
# A network can memorise a wrong label. The probabilities of an image must therefore be predicted by a network that was
# not trained on this image, as in ``cross_val_predict``.

from sklearn.model_selection import cross_val_predict

from sklenet import LeNetClassifier

clf = LeNetClassifier(random_state=0)
probabilities = cross_val_predict(clf, X, y, cv=3, method="predict_proba")

# %%
# cleanlab ranks the images by the probability of their label and decides which of them have a wrong label.

from cleanlab.filter import find_label_issues

issues = find_label_issues(y, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1)
is_wrong = y[issues] != y_true[issues]
print(f"{len(issues)} images are suspected, and {is_wrong.sum()} of them have a wrong label")
print(f"{is_wrong.sum()} of the {len(wrong)} wrong labels are found")

# %%
# The figure shows the first 18 suspected images with their label and the class that the networks predict. The titles
# of wrong labels are red, and those of right labels are black. Images with a black title are usually difficult to
# read, and are therefore worth an inspection, too.

import matplotlib.pyplot as plt

fig, axes = plt.subplots(3, 6, figsize=(8, 5), layout="constrained")
for ax, index in zip(axes.flat, issues, strict=False):
    color = "tab:red" if y[index] != y_true[index] else "black"
    ax.imshow(X[index].reshape(28, 28), cmap="gray_r")
    ax.set_title(f"label {y[index]}\npredicted {probabilities[index].argmax()}", color=color, fontsize="small")
    ax.set_axis_off()
plt.show()
