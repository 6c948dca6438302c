"""Draw the sample of MNIST that ships with sklenet: 5,000 training and 1,000 test images.

    python benchmarks/make_mnist_sample.py DATA_HOME/mnist sklenet/datasets/data/mnist_sample.npz

The first argument is the folder of the four published IDX files. The seed of the draw is fixed, so the script always
writes the same images, and the same bytes if the version of zlib is the same.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import resample

from sklenet.datasets._formats import read_idx

SEED = 0
N_IMAGES = {"train": 5000, "t10k": 1000}


def draw(folder: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw the sample of one official split, stratified by class, in random order."""
    images = read_idx(folder / f"{split}-images-idx3-ubyte.gz")
    labels = read_idx(folder / f"{split}-labels-idx1-ubyte.gz")
    drawn = resample(
        np.arange(len(labels)), replace=False, n_samples=N_IMAGES[split], stratify=labels, random_state=SEED
    )
    return images[drawn], labels[drawn]


def make(folder: Path, path: Path) -> None:
    """Write the sample: `images` (6000, 28, 28) and `labels` (6000,), uint8, the training images first."""
    images, labels = zip(*(draw(folder, split) for split in N_IMAGES), strict=True)
    np.savez_compressed(path, images=np.concatenate(images), labels=np.concatenate(labels))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="folder of MNIST's four IDX files")
    parser.add_argument("path", type=Path, help="the .npz file to write")
    arguments = parser.parse_args()
    make(arguments.folder, arguments.path)
