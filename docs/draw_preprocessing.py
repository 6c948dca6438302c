"""Draw the pictures of docs/preprocessing.md from digits of the sample.

python docs/draw_preprocessing.py
"""

import io
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

FOLDER = Path(__file__).parent
sys.path.append(str(FOLDER.parent / "benchmarks"))

import photographs  # noqa: E402 - a module of the benchmarks
from sklenet.datasets import load_mnist_sample  # noqa: E402
from sklenet.preprocessing import CharacterFramer, find_characters  # noqa: E402

N_PHOTOGRAPHS, N_LINE = 6, 9


def main() -> None:
    """Write the pictures."""
    digits = load_mnist_sample(subset="test").images
    generator = np.random.default_rng(3)
    pictures = [
        Image.open(io.BytesIO(photographs.photograph(digit, photographs.draw_conditions(generator), generator)))
        for digit in digits[:N_PHOTOGRAPHS]
    ]
    framed = CharacterFramer().transform(pictures).reshape(-1, 28, 28)
    figure, axes = plt.subplots(2, N_PHOTOGRAPHS, figsize=(9, 3), layout="constrained")
    for (above, below), picture, image in zip(axes.T, pictures, framed, strict=True):
        above.imshow(picture)
        below.imshow(image, cmap="gray")
        above.set_axis_off()
        below.set_axis_off()
    figure.savefig(FOLDER / "images" / "framing.png", dpi=100)

    jpeg, _ = photographs.photograph_line(list(digits[N_PHOTOGRAPHS : N_PHOTOGRAPHS + N_LINE]), generator)
    ax = find_characters(Image.open(io.BytesIO(jpeg))).plot()
    ax.figure.savefig(FOLDER / "images" / "line.png", dpi=90)


if __name__ == "__main__":
    main()
