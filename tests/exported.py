"""Images for classifiers that are exported, and the runtimes of ONNX that are compared with the classifiers."""

import numpy as np
import onnx
import onnxruntime
from numpy.testing import assert_allclose, assert_array_equal
from onnx.reference import ReferenceEvaluator

from sklenet.datasets import load_mnist_sample

N_TRAIN = 300
N_TEST = 512
BATCHES = (1, 3, N_TEST)
# onnx.reference takes seconds for the largest batch.
SMALL_BATCHES = (1, 3, 48)
# Log messages of onnxruntime from this severity on; 3 are errors.
_ERRORS = 3


def load_digits(shape=(28, 28), n_images=N_TRAIN + N_TEST):
    """Return digits (n, h, w) of any shape, uint8, and their labels."""
    images = load_mnist_sample(subset="train").images[:n_images]
    rows, columns = (np.linspace(0, 27, side).round().astype(int) for side in shape)
    return images[:, rows][:, :, columns], load_mnist_sample(subset="train").target[:n_images]


def run_onnxruntime(model, X):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = _ERRORS
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"X": X})


def run_reference(model, X):
    return ReferenceEvaluator(model).run(None, {"X": X})


def assert_agrees(model, estimator, X, *, reference_batches=SMALL_BATCHES):
    """Compare the labels and the probabilities of a model in batches of several sizes with those of an estimator."""
    onnx.checker.check_model(model, full_check=True)
    expected, labels = estimator.predict_proba(X), estimator.predict(X)
    second, first = np.sort(expected, axis=1)[:, -2:].T
    is_clear = first - second > 1e-4
    assert is_clear.mean() > 0.9
    for run, batches in ((run_onnxruntime, BATCHES), (run_reference, reference_batches)):
        for n_rows in batches:
            label, probabilities = run(model, X[:n_rows])
            assert probabilities.dtype == np.float32
            assert_allclose(probabilities, expected[:n_rows], rtol=0, atol=1e-5)
            assert_array_equal(label[is_clear[:n_rows]], labels[:n_rows][is_clear[:n_rows]])
