"""Memory layouts, memory maps, data frames, tensors and lists of images."""

import hashlib

import numpy as np
import pandas as pd
import PIL.Image
import pytest
import torch
from numpy.testing import assert_array_equal

from faults.helpers import X_SMALL, Y_SMALL, assert_refused, assert_same_model, lenet, read_only


def memory_map(images, folder):
    np.save(folder / "images.npy", images)
    return np.load(folder / "images.npy", mmap_mode="r")


LAYOUTS = {
    "read-only": lambda images, _: read_only(images),
    "read-only-float32": lambda images, _: read_only(images.astype(np.float32)),
    "memmap": memory_map,
    "memmap-float64": lambda images, folder: memory_map(images.astype(np.float64), folder),
    "fortran": lambda images, _: np.asfortranarray(images),
    "fortran-float32": lambda images, _: np.asfortranarray(images, dtype=np.float32),
    "negative-stride-rows": lambda images, _: images[:, ::-1].copy()[:, ::-1],
    "negative-stride-samples": lambda images, _: images[::-1].astype(np.float32)[::-1],
    "every-second-column": lambda images, _: images.repeat(2, axis=2)[:, :, ::2],
    "big-endian-float32": lambda images, _: images.astype(">f4"),
    "big-endian-float64": lambda images, _: images.astype(">f8"),
    "big-endian-uint16": lambda images, _: images.astype(">u2"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.slow
def test_any_memory_layout_gives_the_same_model_and_is_left_unchanged(layout, tmp_path):
    expected = lenet().fit(X_SMALL, Y_SMALL)
    images = LAYOUTS[layout](X_SMALL, tmp_path)
    for X in (images, images.reshape(40, 784)):
        before = hashlib.sha256(X.tobytes()).digest(), X.strides, X.dtype, X.flags.writeable
        model = lenet(early_stopping=False).fit(X, Y_SMALL)
        assert_same_model(model, expected)
        assert_array_equal(expected.predict_proba(X), expected.predict_proba(X_SMALL))
        assert (hashlib.sha256(X.tobytes()).digest(), X.strides, X.dtype, X.flags.writeable) == before


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda frame: frame.iloc[:, ::-1], id="reordered"),
        pytest.param(lambda frame: frame.add_prefix("new_"), id="renamed"),
    ],
)
@pytest.mark.slow
def test_predict_refuses_a_data_frame_of_other_columns(change):
    frame = pd.DataFrame(X_SMALL.reshape(40, -1)).add_prefix("pixel")
    model = lenet().fit(frame, Y_SMALL)
    assert_array_equal(model.feature_names_in_, frame.columns)
    assert_array_equal(model.predict_proba(frame), lenet().fit(X_SMALL, Y_SMALL).predict_proba(X_SMALL))
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(change(frame))


@pytest.mark.parametrize(
    "images",
    [
        pytest.param(torch.from_numpy(X_SMALL), id="tensor"),
        pytest.param(torch.from_numpy(X_SMALL).float(), id="tensor-float"),
        pytest.param(
            torch.from_numpy(X_SMALL)[:, None].contiguous(memory_format=torch.channels_last), id="tensor-nchw"
        ),
        pytest.param(list(torch.from_numpy(X_SMALL)), id="list-of-tensors"),
        pytest.param([PIL.Image.fromarray(image) for image in X_SMALL], id="list-of-pil-images"),
        pytest.param(list(X_SMALL), id="list-of-arrays"),
        pytest.param(X_SMALL.tolist(), id="list-of-lists"),
        pytest.param(X_SMALL.reshape(40, -1).tolist(), id="list-of-rows"),
        pytest.param(tuple(X_SMALL), id="tuple"),
        pytest.param(pd.DataFrame(X_SMALL.reshape(40, -1)), id="data-frame"),
    ],
)
@pytest.mark.slow
def test_any_container_gives_the_same_model(images):
    expected = lenet().fit(X_SMALL, Y_SMALL)
    assert_same_model(lenet().fit(images, Y_SMALL), expected)
    assert_array_equal(expected.predict_proba(images), expected.predict_proba(X_SMALL))


@pytest.mark.slow
def test_tensor_that_requires_grad_is_refused(digits_model):
    images = torch.zeros(40, 28, 28, requires_grad=True)
    assert_refused(digits_model, images, ValueError, r"requires grad; pass X.detach\(\)")


def test_list_of_tensors_that_require_grad_is_refused(digits_model):
    images = [torch.zeros(28, 28, requires_grad=True) for _ in range(4)]
    with pytest.raises(ValueError, match="requires grad"):
        lenet().fit(images, [0, 1, 0, 1])
    with pytest.raises(ValueError, match="requires grad"):
        digits_model.predict(images)


def test_tensor_on_another_device_is_refused(digits_model):
    images = torch.zeros(40, 28, 28, device="meta")
    assert_refused(digits_model, images, ValueError, r"on device 'meta'; pass X.cpu\(\)")


@pytest.mark.parametrize(
    "images",
    [
        pytest.param([PIL.Image.new("L", (28, 28)), PIL.Image.new("L", (28, 20))], id="pil"),
        pytest.param([np.zeros((28, 28)), np.zeros((28, 20))], id="arrays"),
        pytest.param([[0] * 784, [0] * 785], id="rows"),
    ],
)
def test_list_of_images_of_several_shapes_is_refused(digits_model, images):
    with pytest.raises(ValueError, match=r"images of several shapes, such as .* resize or frame"):
        lenet().fit(images, [0, 1])
    with pytest.raises(ValueError, match=r"images of several shapes, such as .* resize or frame"):
        digits_model.predict(images)
