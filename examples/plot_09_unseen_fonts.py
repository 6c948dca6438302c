"""
Letters of another alphabet in unseen fonts
===========================================

A classifier of printed letters is applied to fonts that do not occur in the training images. You learn how to draw
characters of any alphabet by :func:`~sklenet.datasets.make_characters`, and how to measure the error on unseen fonts
by cross-validation with groups.
"""

# %%
# Cyrillic letters
# ----------------
#
# The letters are drawn in the fonts that come with matplotlib. Four of its font families contain Cyrillic letters.
# ``groups`` has the font family of each image.

import numpy as np

from sklenet.datasets import make_characters

letters = make_characters(480, alphabet="БГДЖЗИЛПФЦЧШ", random_state=0)
families = np.unique(letters.groups)
print(f"{len(letters.data)} images of {len(letters.target_names)} letters in {', '.join(families)}")

# %%
# Errors in seen and in unseen fonts
# ----------------------------------
#
# With ``StratifiedKFold``, each font occurs among the training images and among the test images. With ``GroupKFold``,
# each fold tests one font family that does not occur among the training images of the fold. The error to expect for new
# fonts is the second one.

from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_predict

from sklenet import LeNetClassifier

clf = LeNetClassifier(max_epochs=12, random_state=0)
unseen = cross_val_predict(clf, letters.data, letters.target, groups=letters.groups, cv=GroupKFold(4))
seen = cross_val_predict(clf, letters.data, letters.target, cv=StratifiedKFold(4, shuffle=True, random_state=0))
is_wrong = unseen != letters.target
print(f"error in seen fonts: {np.mean(seen != letters.target):.1%}")
print(f"error in unseen fonts: {np.mean(is_wrong):.1%}")

# %%
# The figure shows the error for each font family if the family was unseen, beside letters of this family.

import matplotlib.pyplot as plt
from matplotlib.ticker import PercentFormatter

fig = plt.figure(figsize=(9, 3.6), layout="constrained")
left, right = fig.subfigures(1, 2)
ax = left.subplots()
errors = [is_wrong[letters.groups == family].mean() for family in families]
for family, error in zip(families, errors, strict=True):
    print(f"{family}: {error:.1%}")
ax.barh(families, errors)
ax.invert_yaxis()
ax.xaxis.set_major_formatter(PercentFormatter(1))
ax.set(xlabel="error when the family is unseen")
for row, family in zip(right.subplots(4, 6), families, strict=True):
    for panel, index in zip(row, np.flatnonzero(letters.groups == family), strict=False):
        panel.imshow(letters.images[index], cmap="gray_r")
        panel.set_axis_off()
plt.show()
