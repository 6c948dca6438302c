"""A saved and loaded model predicts and trains as the original, to the bit, and what cannot be saved is refused."""

import errno
import importlib
import io
import pickle
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.numpy import load_file
from sklearn.exceptions import NotFittedError
from skorch.callbacks import EpochScoring, LRScheduler
from torch.optim.lr_scheduler import OneCycleLR

from saved_files import Parts
from sklenet import LeNet5, LeNetClassifier
from sklenet._saving._encoding import STATISTICS
from sklenet.datasets import load_mnist_sample
from small_models import assert_same_weights, make, weights_differ


def text_of(y):
    return np.where(y % 2, "odd", "even")


CASES = {
    "modern": ({"width": 1.0, "dropout": 0.3}, None),
    "1998": ({"width": 1.0, "architecture": "1998"}, None),
    "narrow, two classes of text, rectangles": ({"image_shape": (4, 16)}, text_of),
    "early stopping": ({"early_stopping": True, "validation_fraction": 0.2, "augment": "elastic"}, None),
    "nine views, numbers of NumPy": ({"test_time_augment": np.True_, "lr": np.float32(0.01)}, None),
}


@pytest.fixture(scope="module", params=list(CASES))
def case(request, digits):
    params, relabel = CASES[request.param]
    X, y = digits
    y = y if relabel is None else relabel(y)
    return make(**params).fit(X, y), X, y


def reload(model, folder, **options):
    model.save(folder / "model.safetensors", **options)
    return LeNetClassifier.load(folder / "model.safetensors")


def saved(model, folder):
    model.save(folder / "model.safetensors")
    return (folder / "model.safetensors").read_bytes()


# What is the same


@pytest.mark.slow
def test_predictions_scores_and_attributes_are_restored_to_the_bit(case, tmp_path):
    model, X, _ = case
    loaded = reload(model, tmp_path)
    for method in ("predict", "predict_proba", "score_samples", "transform"):
        assert_array_equal(getattr(loaded, method)(X), getattr(model, method)(X), strict=True)
    assert loaded.get_params() == model.get_params()
    assert vars(loaded).keys() == vars(model).keys()
    for name in set(vars(model)) - {"net_", "_model"}:
        assert_array_equal(getattr(loaded, name), getattr(model, name))
    assert loaded.net_.settings == model.net_.settings
    assert loaded.net_.canvas == model.net_.canvas
    assert loaded.net_.history.to_list() == model.net_.history.to_list()


@pytest.mark.slow
def test_partial_fit_goes_on_to_the_bit(case, tmp_path):
    model, X, y = case
    original = pickle.loads(pickle.dumps(model)).set_params(early_stopping=False).partial_fit(X, y)
    loaded = reload(original, tmp_path)
    for each in (original, loaded):
        each.partial_fit(X[::-1], y[::-1]).partial_fit(X, y)
    assert_same_weights(loaded, original)
    assert_array_equal(loaded.score_samples(X), original.score_samples(X))
    assert loaded.loss_curve_ == original.loss_curve_


@pytest.mark.slow
def test_warm_start_goes_on_to_the_bit(case, tmp_path):
    model, X, y = case
    original = pickle.loads(pickle.dumps(model)).set_params(warm_start=True)
    loaded = reload(original, tmp_path)
    for each in (original, loaded):
        each.fit(X, y)
    assert_same_weights(loaded, original)
    assert loaded.validation_scores_ == original.validation_scores_


def test_optimiser_and_generators_are_restored(case, tmp_path):
    model, _, _ = case
    states = [each._model.to_state() for each in (model, reload(model, tmp_path))]
    one, other = (state["optimizer"] for state in states)
    assert one["param_groups"] == other["param_groups"]
    for position, moments in one["state"].items():
        for name, moment in moments.items():
            assert_array_equal(other["state"][position][name], moment, strict=True)
    for name in ("generator", "device_generator"):
        assert_array_equal(states[0][name], states[1][name])


def test_a_file_that_is_loaded_and_saved_is_the_same_file(case, tmp_path):
    model, _, _ = case
    content = saved(model, tmp_path)
    assert saved(LeNetClassifier.load(tmp_path / "model.safetensors"), tmp_path) == content


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.slow
def test_loading_does_not_depend_on_the_callers_mode(case, tmp_path, mode):
    model, X, y = case
    original = pickle.loads(pickle.dumps(model)).set_params(early_stopping=False)
    with mode():
        loaded = reload(original, tmp_path)
    for each in (original, loaded):
        each.partial_fit(X, y)
    assert_same_weights(loaded, original)


@pytest.mark.parametrize(
    "labels",
    [
        [False, True],
        np.array([-3, 7], dtype=np.int8),
        np.array([2**63, 2**64 - 1], dtype=np.uint64),
        np.array([3, 4], dtype=">i4"),
        np.array([1.0, 2.0], dtype=np.float32),
        np.array(["é", "<b>漢&\x1b[0m"], dtype="<U20"),
        np.array(["a", "b"], dtype=object),
    ],
)
@pytest.mark.slow
def test_labels_keep_their_dtype(digits, tmp_path, labels):
    X, y = digits
    model = make(max_epochs=1).fit(X, np.asarray(labels)[y % 2])
    loaded = reload(model, tmp_path)
    assert loaded.classes_.dtype.str == model.classes_.dtype.str
    assert_array_equal(loaded.predict(X), model.predict(X), strict=True)


def test_names_of_columns_are_kept(digits, tmp_path):
    frame = pd.DataFrame(digits[0]).rename(columns=lambda column: f"pixel {column}")
    model = make(max_epochs=1).fit(frame, digits[1])
    loaded = reload(model, tmp_path)
    assert_array_equal(loaded.feature_names_in_, model.feature_names_in_, strict=True)
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(frame[frame.columns[::-1]])


def test_images_that_were_padded_to_a_square_are_known(digits, tmp_path):
    with pytest.warns(UserWarning, match="padded to 8×8"):
        model = make(max_epochs=1).fit(digits[0][:, :60], digits[1])
    loaded = reload(model, tmp_path)
    assert (loaded.n_features_in_, loaded.image_shape_) == (60, (8, 8))
    assert_array_equal(loaded.predict_proba(digits[0][:, :60]), model.predict_proba(digits[0][:, :60]))


def test_numbers_of_numpy_and_weights_of_classes_become_plain(digits, tmp_path):
    weights = {np.int64(3): np.float32(2), 4: 3}
    model = make(max_epochs=np.int64(1), class_weight=weights, verbose=np.int32(0), random_state=np.int64(7))
    loaded = reload(model.fit(*digits), tmp_path)
    assert loaded.get_params() == model.get_params()
    kinds = {type(loaded.get_params()[name]) for name in ("max_epochs", "verbose", "random_state")}
    assert kinds == {int}
    assert {*map(type, loaded.class_weight)} == {int}


def test_records_of_callbacks_are_kept_and_schedules_leave_no_trace(digits, tmp_path):
    accuracy = EpochScoring("accuracy", lower_is_better=False, name="custom", on_train=True)
    schedule = LRScheduler(OneCycleLR, max_lr=0.01, total_steps=8, step_every="batch")
    model = make(callbacks=[accuracy, schedule]).fit(*digits).set_params(callbacks=None)
    loaded = reload(model, tmp_path)
    assert loaded.net_.history.to_list() == model.net_.history.to_list()
    for each in (model, loaded):
        each.partial_fit(*digits)
    assert_same_weights(model, loaded)
    # A record may lack what others have: the callbacks were taken away.
    assert reload(model, tmp_path).net_.history.to_list() == model.net_.history.to_list()


@pytest.mark.parametrize("name", ["a first", "zeros", "batch"])
def test_own_records_are_kept_whatever_their_name(fitted, tmp_path, name):
    model = pickle.loads(pickle.dumps(fitted))
    model.net_.history[0][name] = 0.5
    assert reload(model, tmp_path).net_.history.to_list() == model.net_.history.to_list()


def test_file_holds_plain_numbers_and_a_triangle_of_the_scatter(fitted, tmp_path):
    model = pickle.loads(pickle.dumps(fitted))
    model.set_params(lr=np.float32(0.5), verbose=np.True_, class_weight={"a": np.int8(2), np.True_: 3.5})
    parts = Parts(saved(model, tmp_path))
    parameters = parts.document["parameters"]
    assert (parameters["lr"], parameters["verbose"]) == (0.5, True)
    assert parameters["class_weight"] == [["a", 2], [True, 3.5]]
    assert parts.document["class"] == "LeNetClassifier"
    assert parts.document["has_statistics"] is True
    assert parts.document["feature_names"] is None
    assert parts.document["history"]["epoch"] == [1, 2]
    assert "batches" not in parts.document["history"]
    scatter = fitted._model.statistics.scatter
    assert_array_equal(parts.tensors["statistics.scatter"], scatter[np.tril_indices(len(scatter))])
    names = [name for name, _ in fitted.net_.module_.named_parameters()]
    moments = [f"optimizer.{kind}.{name}" for kind in ("exp_avg", "exp_avg_sq") for name in names]
    others = ["optimizer.step", "generator", "device_generator", *(f"statistics.{name}" for name in STATISTICS)]
    assert sorted(parts.tensors) == sorted([*names, *moments, *others])
    assert_array_equal(parts.tensors["optimizer.step"], np.full(len(names), 8))


# What is left out


@pytest.mark.slow
def test_size_of_a_file(tmp_path):
    X, y = load_mnist_sample(return_X_y=True)
    model = LeNetClassifier(max_epochs=13, random_state=0).fit(X[:300], y[:300])
    assert len(saved(model, tmp_path)) <= 780_000
    model.save(tmp_path / "small", include_optimizer=False, include_statistics=False)
    assert (tmp_path / "small").stat().st_size <= 260_000


@pytest.mark.slow
def test_without_the_optimiser_predictions_stay_and_moments_start_anew(digits, tmp_path):
    X, y = digits
    model = make().fit(X, y)
    loaded = reload(model, tmp_path, include_optimizer=False)
    assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert_array_equal(loaded.score_samples(X), model.score_samples(X))
    assert not loaded.net_.optimizer_.state
    again = reload(loaded, tmp_path)  # has no moments to save
    loaded.partial_fit(X, y)
    assert_same_weights(loaded, again.partial_fit(X, y))
    assert weights_differ(loaded, model.partial_fit(X, y))
    assert len(reload(loaded, tmp_path).net_.optimizer_.state) == 10


def test_without_statistics_scores_are_refused_until_partial_fit(digits, tmp_path):
    X, y = digits
    loaded = reload(make().fit(X, y), tmp_path, include_statistics=False)
    with pytest.raises(ValueError, match=r"saved with include_statistics=False.*Call fit or partial_fit"):
        loaded.score_samples(X)
    assert np.isfinite(loaded.partial_fit(X, y).score_samples(X)).all()


def test_weights_are_those_that_other_programs_read(digits, tmp_path):
    model = make().fit(*digits)
    model.save(tmp_path / "w", include_optimizer=False, include_statistics=False)
    network = LeNet5(10, width=0.5)
    network.load_state_dict({name: torch.tensor(weight) for name, weight in load_file(tmp_path / "w").items()})
    images = torch.rand(3, 1, 32, 32)
    with torch.no_grad():
        assert_allclose(network.eval()(images), model.net_.module_(images), rtol=1e-4, atol=1e-5)


# What cannot be saved


def put_array_in_the_history(model):
    model.net_.history[0]["custom"] = np.zeros(2)


def make_a_weight_infinite(model):
    with torch.no_grad():
        model.net_.module_.c1.bias[0] = torch.inf


REFUSED = {
    "callbacks": ({"callbacks": [LRScheduler()]}, r"'callbacks' holds code.*set_params\(callbacks=None\)"),
    "function": ({"augment": lambda images, _: images}, r"'augment' is a function.*set_params\(augment=None\)"),
    "RandomState": (
        {"random_state": np.random.RandomState(0)},
        r"'random_state' is of type RandomState.*set_params\(random_state=0\)",
    ),
    "label": ({"class_weight": {(1, 2): 3.0}}, r"class \(1, 2\) of type tuple.*set_params\(class_weight=None\)"),
    "value": ({"class_weight": {1: "heavy"}}, "'class_weight' is not of labels and weights"),
    "object": ({"tol": {}}, r"'tol' is of type dict.*set_params\(tol=\.\.\.\)"),
    "shell": ({"lr": "rm -rf"}, "The 'lr' parameter of LeNetClassifier must be .* Got 'rm -rf' instead"),
    "infinity": ({"lr": np.inf}, "is not finite"),
    "int": ({"max_epochs": 10**30}, "a number of 31 digits"),
    "device": ({"device": "tpu"}, "no device 'tpu'"),
    "width": ({"width": 2.0}, r"'width' is 2\.0, but the fitted network has 0\.5; call set_params\(width=0\.5\)"),
    "shape": ({"image_shape": (2, 32)}, r"'image_shape' is \(2, 32\), but .* \(8, 8\)"),
    "history": (put_array_in_the_history, r"'custom' of type ndarray.*record\.pop\('custom', None\)"),
    "weight": (make_a_weight_infinite, "'c1.bias' has values that are not finite"),
}


@pytest.fixture(scope="module")
def fitted(digits):
    return make().fit(*digits)


@pytest.mark.parametrize(("change", "match"), REFUSED.values(), ids=list(REFUSED))
def test_what_cannot_be_saved_is_named_before_anything_is_written(fitted, tmp_path, change, match):
    model = pickle.loads(pickle.dumps(fitted))
    if callable(change):
        change(model)
    else:
        model.set_params(**change)
    with pytest.raises(ValueError, match=f"(?s)^LeNetClassifier cannot be saved: .*{match}") as raised:
        model.save(tmp_path / "model")
    assert raised.value.__cause__ is None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (np.array([1, 2], dtype=object), "labels are not text"),
        (np.array([b"a", b"b"]), "labels are not text"),
        (np.array(["a", "\udcff"]), "surrogate"),
    ],
)
def test_labels_that_no_json_holds_are_refused(digits, tmp_path, labels, match):
    X, y = digits
    model = make(max_epochs=1).fit(X, y % 2)
    model._model.classes.dtype  # noqa: B018 - the classes of a model are an array
    object.__setattr__(model._model, "classes", labels)
    with pytest.raises(ValueError, match=match):
        model.save(tmp_path / "model")


@pytest.mark.slow
def test_a_history_that_is_longer_than_a_header_is_refused(fitted, tmp_path):
    model = pickle.loads(pickle.dumps(fitted))
    model.net_.history.extend([dict(model.net_.history[0])] * 40_000)
    model._model.loss_curve.extend([0.1] * 40_000)
    with pytest.raises(ValueError, match=r"take \d,\d+,\d+ bytes, and a header has 1,048,576 at most; pickle has no"):
        model.save(tmp_path / "model")


def test_an_estimator_that_is_not_fitted_is_refused(tmp_path):
    with pytest.raises(NotFittedError):
        make().save(tmp_path / "model")


# The file


class FullDisk(io.FileIO):
    """A file that takes a hundred bytes."""

    def write(self, content):
        super().write(content[:100])
        raise OSError(errno.ENOSPC, "No space left on device")


def interrupt(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("failing", "error"), [({"open": FullDisk}, OSError), ({"replace": interrupt}, KeyboardInterrupt)]
)
def test_a_write_that_fails_leaves_the_former_file(fitted, tmp_path, monkeypatch, failing, error):
    before = saved(fitted, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, *failing.popitem())
        with pytest.raises(error):
            fitted.save(tmp_path / "model.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]
    assert (tmp_path / "model.safetensors").read_bytes() == before


def test_a_folder_that_is_missing_is_an_error_of_the_system(fitted, tmp_path):
    with pytest.raises(FileNotFoundError):
        fitted.save(tmp_path / "missing" / "model")
    with pytest.raises(FileNotFoundError, match="absent"):
        LeNetClassifier.load(tmp_path / "absent")


def test_a_link_stays_a_link(fitted, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    fitted.save(str(tmp_path / "link"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").stat().st_size > 0


def test_save_needs_the_extra_and_load_does_not(fitted, tmp_path, monkeypatch):
    fitted.save(tmp_path / "model")
    import_real = importlib.import_module

    def import_module(name, *arguments):
        if name.startswith("safetensors"):
            raise ModuleNotFoundError("No module named 'safetensors'", name="safetensors")
        return import_real(name, *arguments)

    monkeypatch.setattr("importlib.import_module", import_module)
    with pytest.raises(ImportError, match=r"pip install 'sklenet\[safetensors\]'"):
        fitted.save(tmp_path / "other")
    LeNetClassifier.load(tmp_path / "model")


def test_load_unpickles_nothing(fitted, digits, tmp_path, monkeypatch):
    fitted.save(tmp_path / "model")
    expected = fitted.predict_proba(digits[0])

    def refuse(*_, **__):
        pytest.fail("load has unpickled")

    for name in ("pickle.load", "pickle.loads", "pickle.Unpickler", "pickle._Unpickler", "torch.load", "joblib.load"):
        monkeypatch.setattr(name, refuse)
    monkeypatch.setattr("builtins.eval", refuse)
    assert_array_equal(LeNetClassifier.load(tmp_path / "model").predict_proba(digits[0]), expected)


# Other classes, versions and devices


class Other(LeNetClassifier):
    """A class of the same parameters."""


def test_a_file_of_another_class_is_refused(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    with pytest.raises(ValueError, match="cannot be loaded as Other: it holds a LeNetClassifier, and not a Other"):
        Other.load(tmp_path / "model")


def test_a_subclass_is_loaded_as_itself(digits, tmp_path):
    Other(max_epochs=1, width=0.5).fit(*digits).save(tmp_path / "model")
    assert type(Other.load(tmp_path / "model")) is Other


def test_other_versions_draw_a_warning_at_the_line_of_the_user(fitted, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("sklenet._engine._model._versions", lambda: {"sklenet": "0.0.1", "torch": "1.0"})
        fitted.save(tmp_path / "model")
    with pytest.warns(UserWarning, match=r"stored by .*0\.0\.1.*1\.0.* loaded by") as caught:
        LeNetClassifier.load(tmp_path / "model")
    assert caught[0].filename == __file__


def test_a_newer_format_is_refused(fitted, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("sklenet._engine._model._FORMAT", 2)
        fitted.save(tmp_path / "model")
    with pytest.raises(ValueError, match=r"model' cannot be loaded .* stored in format 2 by .* reads format 1; load"):
        LeNetClassifier.load(tmp_path / "model")


def test_device_replaces_the_saved_one(fitted, digits, tmp_path, monkeypatch):
    monkeypatch.setattr("sklenet._engine._devices.available_devices", lambda: ["cpu"])
    pickle.loads(pickle.dumps(fitted)).set_params(device="cuda").save(tmp_path / "model")
    loaded = LeNetClassifier.load(tmp_path / "model", device="cpu")
    assert loaded.device == "cpu"
    with pytest.warns(UserWarning, match="device='cuda', which this machine does not have") as caught:
        assert LeNetClassifier.load(tmp_path / "model").device == "cuda"
    assert caught[0].filename == __file__
    with pytest.raises(ValueError, match=r"'device' parameter .* Got 'mps' instead"):
        LeNetClassifier.load(tmp_path / "model", device="mps")


def test_statistics_are_kept_as_float32_and_symmetric(digits, tmp_path):
    X, y = digits
    statistics = make().fit(X, y).partial_fit(X, y)._model.statistics
    assert {field.dtype.name for field in asdict(statistics).values()} == {"float32"}
    assert_array_equal(statistics.scatter, statistics.scatter.T)
