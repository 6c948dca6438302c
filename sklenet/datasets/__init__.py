"""Images of digits and characters, as scikit-learn's loaders give them."""

from sklenet.datasets._sample import load_mnist_sample

__all__ = ["load_mnist_sample"]
