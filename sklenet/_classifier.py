"""LeNetClassifier: the scikit-learn contract, nothing else."""

import functools
import warnings
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from skorch.callbacks import Callback, LRScheduler
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import Interval, InvalidParameterError, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from sklenet._augment import DISTORTIONS, Distortion
from sklenet._callbacks import EpochBar, EpochTasks, StopWhenNotImproving, clone_callbacks, schedule
from sklenet._canvas import Canvas
from sklenet._images import PixelStatistics, Shape, as_rows, resolve_image_shape
from sklenet._inference import predict_in_chunks
from sklenet._network import ARCHITECTURES
from sklenet._persistence import canvas_from_state, canvas_to_state, copy_net, net_from_state, net_to_state, versions
from sklenet._targets import (
    check_declared_classes,
    drop_weightless,
    find_classes,
    stratified_split,
    training_weights,
)
from sklenet._training import Images, Net, available_devices, build_net, n_batches, resolve_device, resolve_schedule, train

# uint8 and float32 stay as they are, without a copy; everything else becomes float32.
_PIXEL_DTYPES = (np.float32, np.uint8)


def _unchanged_on_error(fit: Callable[..., Any]) -> Callable[..., Any]:
    """Leave the instance as it was if fitting ends in an exception, KeyboardInterrupt included."""

    @functools.wraps(fit)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = dict(vars(self))
        try:
            return fit(self, *args, **kwargs)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    return wrapper


class LeNetClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """LeNet-5 for grayscale images of digits and characters."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "architecture": [StrOptions(set(ARCHITECTURES))],
        "width": [Interval(Real, 0, None, closed="neither")],
        "image_shape": [tuple, None],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "augment": [StrOptions(set(DISTORTIONS)), callable, None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
        "device": [str],
        "callbacks": [list, tuple, None],
    }

    def __init__(
        self,
        *,
        architecture: str = "modern",
        width: float = 1.0,
        image_shape: Shape | None = None,
        max_epochs: int | str = "auto",
        batch_size: int | str = "auto",
        lr: float = 3e-3,
        weight_decay: float = 1e-2,
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
        augment: str | Distortion | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        class_weight: dict[Any, float] | str | None = None,
        warm_start: bool = False,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
        device: str = "auto",
        callbacks: list[Any] | None = None,
    ) -> None:
        self.architecture = architecture
        self.width = width
        self.image_shape = image_shape
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.label_smoothing = label_smoothing
        self.augment = augment
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state
        self.device = device
        self.callbacks = callbacks

    @_unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train on images.

        DOC
        """
        again = self.warm_start and hasattr(self, "net_")
        rows, labels, weights, shape = self._validate_training(X, y, sample_weight, reset=not again)
        classes = find_classes(labels)
        if again and not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"warm_start=True goes on with the classes {self.classes_.tolist()}, but y has {classes.tolist()}; "
                "set warm_start=False to start anew."
            )
        images = self._make_images(rows, labels, weights, classes, shape, again)
        seed = self._draw_seed()
        training, validation = self._split(images, classes, seed)
        n_epochs, batch_size = resolve_schedule(len(training), self.max_epochs, self.batch_size)
        net = self._make_net(len(classes), batch_size, seed)
        if again:
            net.module_.load_state_dict(self.net_.module_.state_dict())

        data = {"X": X, "y": y, "metadata": {} if sample_weight is None else {"sample_weight": sample_weight}}
        context = self._init_callback_context(max_subtasks=n_epochs)
        context.call_on_fit_task_begin(estimator=self, **data)
        tasks = EpochTasks(self, context, data, lambda net: _fitted(copy_net(net), images, classes))
        train(net, training, validation, n_epochs, [*self._own_callbacks(net, n_epochs, len(training)), tasks])
        earlier = self.loss_curve_ if again else []
        vars(self).update(_fitted(net, images, classes), loss_curve_=[*earlier, *net.history[:, "train_loss"]])
        context.call_on_fit_task_end(estimator=self, **data, reconstruction_attributes={})
        return self

    @_unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train for one epoch, from the present weights, at constant learning rate.

        DOC
        """
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True; set early_stopping=False.")
        if self.class_weight == "balanced":
            raise ValueError(
                "partial_fit does not support class_weight='balanced', because it sees the classes a part at a time; "
                "pass the weights as a dict."
            )
        again = hasattr(self, "net_")
        rows, labels, weights, shape = self._validate_training(X, y, sample_weight, reset=not again)
        classes = check_declared_classes(classes, self.classes_ if again else None, labels)
        images = self._make_images(rows, labels, weights, classes, shape, again)
        _, batch_size = resolve_schedule(len(images), 1, self.batch_size)
        if again:
            # A copy, so that a failed call leaves the present net as it is.
            net = copy_net(self.net_, clone_callbacks(self.callbacks))
            net.batch_size, net.augment = batch_size, self._distortion()
        else:
            net = self._make_net(len(classes), batch_size, self._draw_seed())
        for group in net.optimizer_.param_groups:
            group["lr"] = self.lr
        train(net, images, None, 1, [])
        earlier = self.loss_curve_ if again else []
        vars(self).update(_fitted(net, images, classes), loss_curve_=[*earlier, net.history[-1, "train_loss"]])
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predict class labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_pixels), (n_samples, h, w), (n_samples, 1, h, w) or (n_samples, h, w, 1)
            Images on the same scale and of the same polarity as in `fit`.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Of the dtype of `classes_`.
        """
        logits = self._compute(X, lambda logits: logits)
        return self.classes_[logits.argmax(axis=1)]

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float32]:
        """Predict class probabilities: the softmax of the logits.

        A row gets the same probabilities, to the bit, alone, in any batch and in any order.

        Parameters
        ----------
        X : array-like
            Images, as in `predict`.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes), float32
            Columns are in the order of `classes_`.
        """
        return self._compute(X, lambda logits: torch.softmax(logits, dim=1))

    def predict_log_proba(self, X: ArrayLike) -> NDArray[np.float32]:
        """Predict the logarithms of class probabilities, finite where a probability rounds to 0.

        Parameters
        ----------
        X : array-like
            Images, as in `predict`.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes), float32
            Columns are in the order of `classes_`.
        """
        return self._compute(X, lambda logits: torch.log_softmax(logits, dim=1))

    def decision_function(self, X: ArrayLike) -> NDArray[np.float32]:
        """Compute the logits, which calibration takes.

        Parameters
        ----------
        X : array-like
            Images, as in `predict`.

        Returns
        -------
        logits : ndarray of shape (n_samples,) or (n_samples, n_classes), float32
            For two classes, the logit of the second minus that of the first.
        """
        logits = self._compute(X, lambda logits: logits)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def __sklearn_tags__(self) -> Tags:
        """Say that 3-D input is accepted beside 2-D."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Store what is fitted as NumPy arrays, strings and numbers, with the versions that wrote it.

        No torch object and no device is inside, so that a model loads on another machine, and skops can dump it.
        Constructor parameters, callbacks among them, are stored as given.
        """
        state = dict(super().__getstate__())
        if "net_" in state:
            state |= {
                "net_": net_to_state(state["net_"]),
                "_canvas": canvas_to_state(state["_canvas"]),
                "_versions": versions(),
            }
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Rebuild the net on the device that the parameter `device` names, or on the CPU where there is none."""
        state = dict(state)
        if "net_" in state:
            _warn_if_other_versions(state.pop("_versions"))
            device = _device_for_loading(state["device"])
            state["net_"] = net_from_state(state["net_"], clone_callbacks(state["callbacks"]), device)
            state["_canvas"] = canvas_from_state(state["_canvas"])
        super().__setstate__(state)

    def _compute(self, X: ArrayLike, finish: Callable[[Tensor], Tensor]) -> NDArray[np.float32]:
        """Validate images and compute finish(logits), (n_samples, n_classes)."""
        check_is_fitted(self)
        rows, shape = as_rows(X)
        with np.errstate(over="ignore"):
            rows = validate_data(self, rows, reset=False, dtype=_PIXEL_DTYPES)
        self._check_shape(shape)
        self._canvas.pixels.warn_if_unlike(rows)
        return predict_in_chunks(self.net_.module_, self._canvas, rows, finish)

    def _validate_training(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, *, reset: bool
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float64], Shape | None]:
        """Check X, y and the weights against each other and, unless `reset`, against the earlier fit."""
        rows, shape = as_rows(X)
        # What overflows float32 becomes infinity, and is refused as such.
        with np.errstate(over="ignore"):
            rows, labels = validate_data(self, rows, y, reset=reset, dtype=_PIXEL_DTYPES)
        check_classification_targets(labels)
        if not reset:
            self._check_shape(shape)
        return *drop_weightless(rows, labels, sample_weight), shape

    def _check_shape(self, shape: Shape | None) -> None:
        if shape is not None and shape != self.image_shape_:
            raise ValueError(
                f"X holds images of shape {shape}, but LeNetClassifier was fitted on images of shape "
                f"{self.image_shape_}; resize them, or fit anew."
            )

    def _make_images(
        self,
        rows: NDArray[Any],
        labels: NDArray[Any],
        weights: NDArray[np.float64],
        classes: NDArray[Any],
        shape: Shape | None,
        again: bool,
    ) -> Images:
        """Join what is trained on; the canvas is learned once, because the weights depend on it."""
        if again:
            canvas = self._canvas
        else:
            declared = _check_image_shape(self.image_shape)
            shape = resolve_image_shape(rows.shape[1], declared=declared, seen=shape)
            canvas = Canvas(shape, PixelStatistics.of(rows, shape))
        targets = np.searchsorted(classes, labels)
        weights = training_weights(targets, classes, weights, self.class_weight)
        return Images(rows, targets, weights, canvas, np.arange(len(rows)))

    def _split(self, images: Images, classes: NDArray[Any], seed: int) -> tuple[Images, Images | None]:
        if not self.early_stopping:
            return images, None
        training, validation = stratified_split(images.targets, classes, self.validation_fraction, seed)
        return images.subset(training), images.subset(validation)

    def _draw_seed(self) -> int:
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _distortion(self) -> Distortion | None:
        return DISTORTIONS[self.augment] if isinstance(self.augment, str) else self.augment

    def _make_net(self, n_classes: int, batch_size: int, seed: int) -> Net:
        params = {
            "seed": seed,
            "lr": float(self.lr),
            "batch_size": batch_size,
            "module__n_classes": n_classes,
            "module__architecture": self.architecture,
            "module__width": float(self.width),
            "module__dropout": float(self.dropout),
            "optimizer__weight_decay": float(self.weight_decay),
            "criterion__label_smoothing": float(self.label_smoothing),
        }
        net = build_net(params, clone_callbacks(self.callbacks), resolve_device(self.device))
        net.augment = self._distortion()
        return net

    def _own_callbacks(self, net: Net, n_epochs: int, n_training: int) -> list[Callback]:
        callbacks: list[Callback] = []
        if not any(isinstance(callback, LRScheduler) for _, callback in net.callbacks_):
            n_steps = n_epochs * n_batches(n_training, net.batch_size)
            callbacks.append(schedule(n_steps, anneal=not self.early_stopping))
        if self.early_stopping:
            callbacks.append(StopWhenNotImproving(self.n_iter_no_change, self.tol))
        if self.verbose:
            callbacks.append(EpochBar(n_epochs))
        return callbacks


def _fitted(net: Net, images: Images, classes: NDArray[Any]) -> dict[str, Any]:
    """Collect what training has fitted, to be assigned together."""
    scores = [epoch["valid_acc"] for epoch in net.history if "valid_acc" in epoch]
    return {
        "classes_": classes,
        "image_shape_": images.canvas.shape,
        "n_epochs_": len(net.history),
        "batch_size_": net.batch_size,
        "validation_scores_": scores or None,
        "net_": net,
        "_canvas": images.canvas,
    }


def _check_image_shape(shape: Any) -> Shape | None:
    if shape is None:
        return None
    if len(shape) != 2 or not all(isinstance(side, Integral) and side > 0 for side in shape):
        raise InvalidParameterError(
            "The 'image_shape' parameter of LeNetClassifier must be None or a tuple of two positive ints, "
            f"(height, width) in pixels. Got {shape!r} instead."
        )
    height, width = shape
    return int(height), int(width)


def _device_for_loading(device: str) -> str:
    if device == "auto" or device.partition(":")[0] in available_devices():
        return resolve_device(device)
    warnings.warn(
        f"This model was made with device={device!r}, which this machine has not: it is on the CPU. "
        "Set device='auto' before the next fit.",
        UserWarning,
        stacklevel=4,
    )
    return "cpu"


def _warn_if_other_versions(written: dict[str, str]) -> None:
    if written != versions():
        warnings.warn(
            f"This model was written by {written} and is read by {versions()}; its predictions may differ. "
            "Fit it anew if they do.",
            UserWarning,
            stacklevel=4,
        )
