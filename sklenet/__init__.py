"""The image classifier that scikit-learn lacks: LeNet-5 for grayscale images of digits and characters."""

from sklenet._classifier import LeNetClassifier
from sklenet._network import LeNet5

__all__ = ["LeNet5", "LeNetClassifier", "__version__"]

__version__ = "0.1.0"
