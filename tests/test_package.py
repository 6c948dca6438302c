"""Public names of the package, and imports on access."""

import subprocess
import sys

import pytest

import sklenet


def test_public_names():
    assert dir(sklenet) == [
        "LeNet5", "LeNetClassifier", "LeNetNoveltyDetector", "RejectingClassifier", "__version__", "datasets",
        "export", "inspection", "preprocessing", "tuning",
    ]  # fmt: skip
    assert sklenet.LeNetClassifier.__name__ == "LeNetClassifier"
    assert sklenet.LeNet5.__name__ == "LeNet5"
    assert sklenet.LeNetNoveltyDetector.__name__ == "LeNetNoveltyDetector"
    assert sklenet.RejectingClassifier.__name__ == "RejectingClassifier"
    with pytest.raises(AttributeError, match="module 'sklenet' has no attribute 'LeNet6'"):
        _ = sklenet.LeNet6


@pytest.mark.parametrize(
    "name",
    [
        "datasets.load_mnist_sample",
        "export.to_onnx",
        "export.to_html",
        "inspection.MistakesDisplay",
        "preprocessing.find_characters",
        "tuning.LeNetSearchCV",
    ],
)
@pytest.mark.slow
def test_subpackages_are_imported_on_access(name):
    subprocess.run([sys.executable, "-W", "error", "-c", f"import sklenet; sklenet.{name}"], check=True)


@pytest.mark.slow
def test_characters_are_found_without_torch():
    code = (
        "import sys, numpy as np; from sklenet.preprocessing import find_characters as f; "
        "f(np.eye(40, dtype=np.uint8) * 255); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


@pytest.mark.slow
def test_sample_data_are_loaded_without_torch():
    code = "import sys; from sklenet.datasets import load_mnist_sample as f; f(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
