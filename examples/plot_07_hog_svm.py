"""
LeNet against HOG features and a support vector machine
=======================================================

Before neural networks became cheap to train, digits were often classified by a support vector machine on histograms of
oriented gradients (HOG). You learn how to compare two classifiers on the same test images with a statistical test, so
that a difference by chance is not taken for a real difference.
"""

# %%
# Two classifiers
# ---------------
#
# The first classifier is a pipeline that computes HOG features by scikit-image and classifies the features by a support
# vector machine. The second classifier is LeNet with its default parameters. Both are trained on the same 1,000 digits.

import numpy as np
from skimage.feature import hog
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

from sklenet import LeNetClassifier
from sklenet.datasets import load_mnist_sample


def compute_hog(X):
    """Return the HOG features of images (n, 784)."""
    images = np.reshape(X, (-1, 28, 28))
    return np.array([hog(image, pixels_per_cell=(4, 4), cells_per_block=(2, 2)) for image in images])


X, y = load_mnist_sample(subset="train", return_X_y=True)
X_test, y_test = load_mnist_sample(subset="test", return_X_y=True)
X, y = X[:1000], y[:1000]
svm = make_pipeline(FunctionTransformer(compute_hog), SVC(C=10)).fit(X, y)
lenet = LeNetClassifier(random_state=0).fit(X, y)
is_wrong = {"HOG + SVM": svm.predict(X_test) != y_test, "LeNet": lenet.predict(X_test) != y_test}

# %%
# Confidence intervals
# --------------------
#
# An error that is measured on 1,000 images has a statistical uncertainty. SciPy computes Wilson's confidence interval.

from scipy.stats import binomtest

intervals = {}
for name, wrong in is_wrong.items():
    intervals[name] = binomtest(int(wrong.sum()), len(wrong)).proportion_ci(method="wilson")
    print(f"{name}: error {wrong.mean():.1%}, between {intervals[name].low:.1%} and {intervals[name].high:.1%}")

# %%
# A paired test
# -------------
#
# The two classifiers predict the same images, so a paired test is more powerful than a comparison of the intervals.
# McNemar's exact test counts only the images on which one of the two is right and the other is wrong. If both were
# equally good, each of these images would favour either classifier with the same probability.

only_svm = int((is_wrong["HOG + SVM"] & ~is_wrong["LeNet"]).sum())
only_lenet = int((is_wrong["LeNet"] & ~is_wrong["HOG + SVM"]).sum())
test = binomtest(only_svm, only_svm + only_lenet)
print(f"{only_svm} images are misread by HOG + SVM alone, {only_lenet} by LeNet alone: p = {test.pvalue:.1g}")

# %%
# The left panel shows the errors with their intervals, the right panel the images on which the classifiers differ.

import matplotlib.pyplot as plt
from matplotlib.ticker import PercentFormatter

fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.5), layout="constrained")
for name, wrong in is_wrong.items():
    low, high = intervals[name]
    left.bar(name, wrong.mean(), yerr=[[wrong.mean() - low], [high - wrong.mean()]], capsize=6)
left.yaxis.set_major_formatter(PercentFormatter(1))
left.set(title="error, 95 % interval")
right.bar(["HOG + SVM alone", "LeNet alone"], [only_svm, only_lenet], color=["C0", "C1"])
right.set(title=f"images misread by one, p = {test.pvalue:.1g}")
plt.show()
