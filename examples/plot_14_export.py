"""
Save and export a model
=======================

A fitted classifier can be saved as a file of numbers without code, exported as an ONNX file for other programs, and
exported as a web page that recognises drawn characters. You learn how to write each of these files, and how close the
predictions of a loaded and of an exported model are to those of the classifier.
"""

# %%
# A classifier to export
# ----------------------
#
# The classifier is trained on the first 2,000 digits that come with the package.

import tempfile
from pathlib import Path

from sklenet import LeNetClassifier
from sklenet.datasets import load_mnist_sample

X, y = load_mnist_sample(subset="train", return_X_y=True)
X_test, y_test = load_mnist_sample(subset="test", return_X_y=True)
clf = LeNetClassifier(random_state=0).fit(X[:2000], y[:2000])

# %%
# Three kinds of files
# --------------------
#
# :meth:`~sklenet.LeNetClassifier.save` writes numbers and text, so that loading the file runs no code of its author.
# :func:`~sklenet.export.to_onnx` writes the computation, including all preprocessing of the pixels.
# :func:`~sklenet.export.to_html` writes a page that works without a network connection.

import onnxruntime

from sklenet.export import to_html, to_onnx

with tempfile.TemporaryDirectory() as folder:
    files = {
        name: Path(folder, name) for name in ("model.safetensors", "predict.safetensors", "model.onnx", "draw.html")
    }
    clf.save(files["model.safetensors"])
    clf.save(files["predict.safetensors"], include_optimizer=False, include_statistics=False)
    to_onnx(clf, files["model.onnx"])
    to_html(clf, files["draw.html"])
    sizes = {name: path.stat().st_size / 1000 for name, path in files.items()}
    loaded = LeNetClassifier.load(files["model.safetensors"])
    session = onnxruntime.InferenceSession(files["model.onnx"])

for name, size in sizes.items():
    print(f"{name}: {size:.0f} kB")

# %%
# Comparison of the predictions
# -----------------------------
#
# The probabilities of the loaded classifier and of the saved classifier are bitwise identical. onnxruntime adds
# numbers in another order, so its probabilities differ in the last digits.

probabilities = clf.predict_proba(X_test)
labels, converted = session.run(None, {"X": X_test})
print("loaded, largest difference:", abs(loaded.predict_proba(X_test) - probabilities).max())
print("ONNX, labels that differ:", (labels != clf.predict(X_test)).sum())
print(f"ONNX, largest difference below 1e-5: {abs(converted - probabilities).max() < 1e-5}")

# %%
# The figure compares the sizes of the files. ``model.safetensors`` also holds the state of the optimiser for further
# training, two numbers for each weight. ``predict.safetensors`` holds the weights alone, and the page holds the
# weights as text.

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(7, 2.6), layout="constrained")
bars = ax.barh(list(sizes), list(sizes.values()))
ax.bar_label(bars, fmt="%.0f kB", padding=3)
ax.set(xlabel="size of the file in kB", xlim=(0, 1.15 * max(sizes.values())))
ax.invert_yaxis()
plt.show()
