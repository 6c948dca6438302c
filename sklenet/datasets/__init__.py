"""Load, fetch and draw images of digits and characters, in the conventions of scikit-learn's loaders."""

from sklenet.datasets._characters import make_characters
from sklenet.datasets._csv import load_pixel_csv
from sklenet.datasets._fetch import fetch_dataset, list_datasets
from sklenet.datasets._folder import load_image_folder
from sklenet.datasets._sample import load_mnist_sample

__all__ = [
    "fetch_dataset",
    "list_datasets",
    "load_image_folder",
    "load_mnist_sample",
    "load_pixel_csv",
    "make_characters",
]
