"""
Turn a scanned sheet into a data set
====================================

A form is the quickest way to collect a data set of your own: print rows and columns of empty cells, let people write a
known character into each cell, and scan the sheet. You learn how :func:`~sklenet.preprocessing.cut_sheet` cuts the
scan into cells, and how the cells become training images.
"""

# %%
# The scan
# --------
#
# This example draws a sheet of 10 rows and 16 columns, whose cells hold the letters A to H in turn, in many fonts. The
# sheet lies on the scanner at a slight angle, and the scan is noisy. Two cells stay empty.

import numpy as np
from scipy.ndimage import rotate

from sklenet.datasets import make_characters

N_ROWS, N_COLUMNS, CELL = 10, 16, 48
letters = make_characters(N_ROWS * N_COLUMNS, alphabet="ABCDEFGH", noise=0, random_state=0)
order = np.argsort(letters.target, kind="stable").reshape(8, -1).T.ravel()  # A to H in turn
images, labels = letters.images[order], letters.target_names[letters.target[order]]

rng = np.random.default_rng(0)
sheet = np.full((N_ROWS * CELL + 4, N_COLUMNS * CELL + 4), 235.0)
for index, image in enumerate(images):
    row, column = divmod(index, N_COLUMNS)
    if index not in (37, 90):  # the empty cells
        top, left = row * CELL + rng.integers(6, 16), column * CELL + rng.integers(6, 16)
        sheet[top : top + 28, left : left + 28] -= 0.8 * image
for row in range(N_ROWS + 1):
    sheet[row * CELL : row * CELL + 2] = 120
for column in range(N_COLUMNS + 1):
    sheet[:, column * CELL : column * CELL + 2] = 120
scan = rotate(np.pad(sheet, 12, constant_values=235), 1.5, cval=235, order=1)
scan = np.clip(scan + rng.normal(0, 4, scan.shape), 0, 255).astype(np.uint8)
print(f"a scan of {scan.shape[1]}×{scan.shape[0]} pixels")

# %%
# Cutting
# -------
#
# :func:`~sklenet.preprocessing.cut_sheet` needs the numbers of rows and columns. It straightens the scan, finds the
# grid, erases the printed lines and returns the ink of each cell. Cells without ink are marked in ``is_empty``.

from sklenet.preprocessing import CharacterFramer, cut_sheet

cells = cut_sheet(scan, N_ROWS, N_COLUMNS)
is_written = ~cells.is_empty.ravel()
print(f"{len(cells.images)} cells, of which {cells.is_empty.sum()} are empty")

# %%
# The labels of the cells are known, because the form says which character to write into each cell. ``CharacterFramer``
# converts the cells to images of equal size.

written = [image for image, keep in zip(cells.images, is_written, strict=True) if keep]
X = CharacterFramer().transform(written)
y = labels[is_written]
print(f"data set: {X.shape[0]} images of {X.shape[1]} pixels, classes {np.unique(y).tolist()}")

# %%
# Training
# --------
#
# A sheet of 158 letters is a small data set. A classifier that is trained on the upper seven rows nevertheless
# classifies nearly all letters of the lower three rows correctly.

from sklenet import LeNetClassifier

n_train = is_written[: 7 * N_COLUMNS].sum()
clf = LeNetClassifier(random_state=0).fit(X[:n_train], y[:n_train])
is_right = clf.predict(X[n_train:]) == y[n_train:]
print(f"{is_right.sum()} of {len(is_right)} letters of the lower rows are read correctly")

# %%
# The left panel shows the straightened scan with the grid that was found. The empty cells are shaded. The right panel
# shows the first 16 framed images of the data set with their labels.

import matplotlib.pyplot as plt

fig = plt.figure(figsize=(10, 4), layout="constrained")
left, right = fig.subfigures(1, 2, width_ratios=[3, 2])
cells.plot(ax=left.subplots())
for ax, image, label in zip(right.subplots(4, 4).flat, X, y, strict=False):
    ax.imshow(image.reshape(28, 28), cmap="gray")
    ax.set_title(label, fontsize="small")
    ax.set_axis_off()
plt.show()

# %%
# The command ``python -m sklenet.datasets sheet`` also cuts a sheet, and writes a folder of pictures for each class.
