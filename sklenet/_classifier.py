"""LeNetClassifier: the scikit-learn contract, nothing else."""

import functools
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data
from skorch.callbacks import Callback, LRScheduler
from torch import Tensor

from sklenet._augment import DISTORTIONS, Distortion
from sklenet._batches import Images
from sklenet._callbacks import EpochBar, EpochTasks, StopWhenNotImproving, clone_callbacks, schedule
from sklenet._canvas import Canvas
from sklenet._hints import nearest_parameter
from sklenet._images import Shape, as_rows, check_image_shape, refuse_single_image, resolve_image_shape
from sklenet._inference import predict_in_chunks
from sklenet._network import ARCHITECTURES
from sklenet._persistence import (
    canvas_from_state,
    canvas_to_state,
    copy_net,
    device_for_loading,
    net_from_state,
    net_to_state,
    versions,
    warn_if_other_versions,
)
from sklenet._pixels import PixelStatistics
from sklenet._targets import (
    as_labels,
    check_declared_classes,
    find_classes,
    stratified_split,
    training_weights,
    weigh_samples,
)
from sklenet._threads import use_one_thread_after_fork
from sklenet._training import (
    STREAM_WEIGHT_DECAY,
    Net,
    Plan,
    build_net,
    make_plan,
    resolve_device,
    train,
)

use_one_thread_after_fork()

# uint8 and float32 stay as they are, without a copy; everything else becomes float32.
_PIXEL_DTYPES = (np.float32, np.uint8)


def _unchanged_on_error(fit: Callable[..., Any]) -> Callable[..., Any]:
    """Leave the instance as it was if fitting ends in an exception, KeyboardInterrupt included."""

    @functools.wraps(fit)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = dict(vars(self))
        try:
            return fit(self, *args, **kwargs)
        except BaseException:  # Ctrl-C included; nothing is hidden, all of them are raised again
            vars(self).clear()
            vars(self).update(before)
            raise

    return wrapper


class LeNetClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """LeNet-5 [1]_ for grayscale images of digits and characters, trained through skorch.

    It is excellent on images of strokes, and may not carry over to images without such patterns: compare it with other
    classifiers before you use it on those.

    Parameters
    ----------
    architecture : {"modern", "1998"}, default="modern"
        "modern" has ReLU, max pooling and a C3 that is connected to all maps of S2. "1998" is the paper's network with
        scaled hyperbolic tangent, trainable subsampling and the connection table of C3; its radial basis function
        output is replaced by a linear one.
    width : float, default=1.0
        Factor on the number of maps and hidden units. 1.0 is LeNet-5, 61,706 parameters for 10 classes. "1998" allows
        no other.
    image_shape : tuple (height, width) or None, default=None
        Shape of one image, in pixels, where the rows of X are flat. None: as the layout of X says; else a square, if
        need be padded with the background.
    max_epochs : int or "auto", default="auto"
        Passes over the training data. "auto" takes more of them the fewer the images are; see `n_epochs_`.
    batch_size : int or "auto", default="auto"
        Images in a training step. "auto" is between 16 and 128, growing with the number of images.
    lr : float, default=3e-3
        Peak learning rate of AdamW [2]_. It rises over the first tenth of the steps and falls along half a cosine. With
        `early_stopping` it stays at its peak, and the weights are averaged; in `partial_fit` it is constant.
    weight_decay : float or "auto", default="auto"
        Decoupled weight decay of AdamW: each step shrinks the weights by the learning rate times this. "auto" is
        17 over the root of the number of steps, the normalisation of [2]_, appendix B.1, and 0.3 in `partial_fit`; see
        `weight_decay_`.
    dropout : float, default=0.1
        Probability with which inputs of F6 and of the output layer are set to zero in training, at least 0, below 1.
    label_smoothing : float, default=0.0
        Share of the target's probability that is spread over all classes, at least 0, below 1.
    augment : {"affine", "elastic"}, callable or None, default=None
        Random distortion of the training batches: "affine" rotates, shears, scales and shifts; "elastic" also warps, as
        in [3]_. A callable takes a batch (b, 1, 32, 32) of standardised images, float32, and a torch.Generator to draw
        from, and returns a batch of the same shape and dtype. Set more epochs with it: 20 on the whole of MNIST.
    test_time_augment : bool, default=False
        Whether to predict from the mean of the logits of nine views: the image, and the image shifted by one of the
        canvas's 32 pixels in each of the eight directions. Predictions take nine times as long. It acts in them alone,
        so it may be changed after `fit`; the validation scores of `early_stopping` are of one view.
    early_stopping : bool, default=False
        Whether to set a part of the training data aside, score it after every epoch, stop when neither accuracy nor
        loss improves, and keep the most accurate weights, the latest of equals.
    validation_fraction : float, default=0.1
        The part that is set aside, stratified by class. Used with `early_stopping` only.
    n_iter_no_change : int, default=10
        Epochs without an improvement by `tol` after which to stop. Used with `early_stopping` only.
    tol : float, default=1e-4
        Gain in accuracy, or fall of the loss, that counts as an improvement. Used with `early_stopping` only.
    class_weight : dict, "balanced" or None, default=None
        Weights {label: weight}; a class that is left out weighs 1. "balanced" weighs a class inversely to its
        frequency, in which samples count by `sample_weight`. Labels that y lacks are ignored. Multiplied with
        `sample_weight`.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the earlier fit, with a new schedule. Classes, image shape and the
        standardisation of pixels stay.
    verbose : int, default=0
        1 shows a progress bar over the epochs.
    random_state : int, RandomState instance or None, default=None
        Determines weights, order of the data, dropout, distortions and the validation split. The same int gives the
        same model to the bit on the same versions, machine and number of torch threads.
    device : str, default="auto"
        "cpu", "cuda", "cuda:1", "mps", or "auto": the accelerator if there is one. A fitted model loads on any machine.
    callbacks : list of skorch callbacks or None, default=None
        Cloned before use. An LRScheduler among them replaces the schedule described under `lr`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels, of the dtype of `y`; of a nullable column of a data frame, NumPy's dtype of the same kind.
    n_features_in_ : int
        Pixels of an image.
    feature_names_in_ : ndarray of shape (n_pixels,)
        Names of the columns, if X is a data frame whose column names are all strings.
    image_shape_ : tuple (height, width)
        Shape of one image, in pixels, padding included.
    n_epochs_ : int
        Epochs of the last `fit` and the calls of `partial_fit` since.
    batch_size_ : int
        Images in a training step.
    weight_decay_ : float
        Weight decay that was used.
    loss_curve_ : list of float
        Mean training loss of each epoch, over warm-started fits too.
    validation_scores_ : list of float or None
        Validation accuracy after each epoch; None without `early_stopping`.
    net_ : skorch.NeuralNetClassifier
        The net that was trained, with `history` (of epochs, not of batches), `module_` (:class:`LeNet5`),
        `optimizer_` and `callbacks_`.

    See Also
    --------
    sklearn.neural_network.MLPClassifier : Multi-layer perceptron, which does not know that pixels have neighbours.
    sklearn.svm.SVC : Support vector machine, strong on small data sets of any kind of image.

    Notes
    -----
    Images come to the paper's 32×32 canvas by one rule, the aspect ratio kept: a longer side of 20 to 32 pixels is
    centred and padded, any other is first resized to 28. Padding has the value of the background, the median of the
    images' border pixels. Pixels are standardised by the mean and standard deviation of all training pixels, so no
    scaler is needed.

    The model neither knows which way up an image is nor what is ink: give `predict` images of the same orientation,
    scale and polarity as `fit`. Other scales and inverted images draw a warning, fewer than ten images only where the
    fault is certain; transposed ones cannot be detected.

    A process that is forked after this class was imported computes with one thread.

    Of weights only the proportions matter: they are scaled to a mean of 1 in each call. Samples of weight 0 count as
    absent.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
       Proceedings of the IEEE 86(11), 2278-2324, 1998, section II.B.
    .. [2] I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2.
    .. [3] P. Y. Simard, D. Steinkraus and J. C. Platt, "Best practices for convolutional neural networks applied to
       visual document analysis", ICDAR 2003, section 2.

    Examples
    --------
    >>> from sklearn.model_selection import train_test_split
    >>> from sklenet import LeNetClassifier
    >>> from sklenet.datasets import load_mnist_sample
    >>> X, y = load_mnist_sample(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=500, stratify=y, random_state=0)
    >>> clf = LeNetClassifier(random_state=0).fit(X_train, y_train)
    >>> bool(clf.score(X_test, y_test) > 0.9)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "architecture": [StrOptions(set(ARCHITECTURES))],
        "width": [Interval(Real, 0, None, closed="neither")],
        "image_shape": [tuple, None],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "augment": [StrOptions(set(DISTORTIONS)), callable, None],
        "test_time_augment": ["boolean"],
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
        weight_decay: float | str = "auto",
        dropout: float = 0.1,
        label_smoothing: float = 0.0,
        augment: str | Distortion | None = None,
        test_time_augment: bool = False,
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
        self.test_time_augment = test_time_augment
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

        Parameters
        ----------
        X : array-like of shape (n_samples, n_pixels), (n_samples, h, w), (n_samples, 1, h, w) or (n_samples, h, w, 1)
            Grayscale images: bool, any int or any float; arrays, data frames, lists, memory maps or CPU tensors. uint8
            and float32 are not copied.
        y : array-like of shape (n_samples,)
            Labels: text, bools or numbers; at least two classes.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights, not negative; only their proportions matter.

        Returns
        -------
        self : LeNetClassifier

        Raises
        ------
        ValueError
            If the input or a parameter is not as described, or the training diverges. The instance is then as it was
            before, as with any other exception.

        Warns
        -----
        UserWarning
            If the number of pixels is no square and no `image_shape` is given.
        """
        again = self.warm_start and hasattr(self, "net_")
        data = self._validate_training(X, y, sample_weight, reset=not again)
        classes = find_classes(data.labels)
        if again and not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"warm_start=True goes on with the classes {self.classes_.tolist()}, but y has {classes.tolist()}; "
                "set warm_start=False to start anew."
            )
        images = self._make_images(data, classes, again)
        seed = self._draw_seed()
        training, validation = self._split(images, seed)
        plan = make_plan(len(training), self.max_epochs, self.batch_size, self.weight_decay)
        net = self._make_net(len(classes), plan, seed)
        if again:
            self._check_size()
            net.module_.load_state_dict(self.net_.module_.state_dict())

        given = {"X": X, "y": y, "metadata": {} if sample_weight is None else {"sample_weight": sample_weight}}
        context = self._init_callback_context(max_subtasks=plan.n_epochs)
        context.call_on_fit_task_begin(estimator=self, **given)
        earlier = self.loss_curve_ if again else []
        tasks = EpochTasks(self, context, given, lambda net: _fitted(copy_net(net), images, earlier))
        train(net, training, validation, plan.n_epochs, [*self._own_callbacks(net, plan), tasks])
        self.__dict__.update(_fitted(net, images, earlier))
        context.call_on_fit_task_end(estimator=self, **given, reconstruction_attributes={})
        return self

    def set_params(self, **params: Any) -> Self:
        """Set parameters of this estimator.

        Parameters
        ----------
        **params : object
            Parameters by name.

        Returns
        -------
        self : LeNetClassifier

        Raises
        ------
        ValueError
            If there is no parameter of that name; the message has the nearest.
        """
        known = self.get_params()
        if unknown := [name for name in params if name not in known]:
            raise ValueError(
                f"Invalid parameter {unknown[0]!r} for estimator {self}. Valid parameters are: {sorted(known)!r}. "
                f"The nearest is {nearest_parameter(unknown[0], known)!r}."
            )
        return super().set_params(**params)

    def _is_partial_fit_supported(self) -> bool:
        if self.early_stopping:
            raise AttributeError("partial_fit does not support early_stopping=True; set early_stopping=False.")
        return True

    @available_if(_is_partial_fit_supported)
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

        The optimiser's state goes on from call to call, after `fit` too. An automatic weight decay is 0.3, since the
        length of a stream is not known. Pixels are standardised as the first call found them, so let it see a fair
        sample. There is no `partial_fit` with `early_stopping=True`.

        Parameters
        ----------
        X : array-like
            Images, as in `fit`.
        y : array-like of shape (n_samples,)
            Labels, all of them among `classes`.
        classes : array-like of shape (n_classes,) or None, default=None
            Every label that will ever come; needed in the first call, unless `fit` came before.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights, not negative; only their proportions within the call matter.

        Returns
        -------
        self : LeNetClassifier

        Raises
        ------
        ValueError
            As `fit`; with `class_weight="balanced"`; if `architecture` or `width` has changed since the weights were
            made; if `classes` is missing in the first call or y has a label that was never declared.
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "partial_fit does not support class_weight='balanced', because it sees the classes a part at a time; "
                "pass the weights as a dict."
            )
        again = hasattr(self, "net_")
        data = self._validate_training(X, y, sample_weight, reset=not again)
        declared = check_declared_classes(classes, self.classes_ if again else None, data.labels)
        images = self._make_images(data, declared, again)
        weight_decay = STREAM_WEIGHT_DECAY if self.weight_decay == "auto" else self.weight_decay
        plan = make_plan(len(images), "auto", self.batch_size, weight_decay)
        if again:
            self._check_size()
            # A copy, so that a failed call leaves the present net as it is.
            params = self._net_params(len(declared), plan, self.net_.seed)
            device = resolve_device(self.device)
            net = copy_net(self.net_, clone_callbacks(self.callbacks), params, device)
            net.augment = self._distortion()
        else:
            net = self._make_net(len(declared), plan, self._draw_seed())
        for group in net.optimizer_.param_groups:
            # A user's schedule takes its peak from "initial_lr", which an earlier one may have set.
            group.update(lr=net.lr, initial_lr=net.lr, weight_decay=plan.weight_decay)
        train(net, images, None, 1, [])
        fitted = _fitted(net, images, self.loss_curve_ if again else [], n_new=1)
        fitted["validation_scores_"] = self.validation_scores_ if again else None
        self.__dict__.update(fitted)
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

        Warns
        -----
        UserWarning
            If the images are on another scale than the training images, or inverted.
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
            warn_if_other_versions(state.pop("_versions"))
            device = device_for_loading(state["device"])
            state["net_"] = net_from_state(state["net_"], clone_callbacks(state["callbacks"]), device)
            state["_canvas"] = canvas_from_state(state["_canvas"])
            # joblib may hand out memory maps of a file that does not stay.
            state["classes_"] = np.array(state["classes_"])
        super().__setstate__(state)

    def _compute(self, X: ArrayLike, finish: Callable[[Tensor], Tensor]) -> NDArray[np.float32]:
        """Validate images and compute finish(logits), (n_samples, n_classes)."""
        check_is_fitted(self)
        rows, shape = as_rows(X)
        self._refuse_single_image(rows, shape)
        with np.errstate(over="ignore", invalid="ignore"):
            rows = validate_data(self, rows, reset=False, dtype=_PIXEL_DTYPES)
        self._check_shape(shape)
        self._canvas.pixels.warn_if_unlike(rows, self.image_shape_)
        return predict_in_chunks(self.net_.module_, self._canvas, rows, finish, shifted=self.test_time_augment)

    def _validate_training(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, *, reset: bool
    ) -> "_TrainingData":
        """Check X, y and the weights against each other and, unless `reset`, against the earlier fit."""
        rows, shape = as_rows(X)
        if not reset:
            self._refuse_single_image(rows, shape)
        y = as_labels(y)
        # What overflows float32 becomes infinity, and is refused as such.
        with np.errstate(over="ignore", invalid="ignore"):
            rows, labels = validate_data(self, rows, y, reset=reset, dtype=_PIXEL_DTYPES)
        if not reset:
            self._check_shape(shape)
        indices, weights = weigh_samples(rows, sample_weight)
        return _TrainingData(rows, indices, labels[indices], weights, shape)

    def _refuse_single_image(self, rows: Any, shape: Shape | None) -> None:
        came = np.shape(rows) if shape is None else (len(rows), *shape)
        refuse_single_image(came, self.image_shape_, self.n_features_in_)

    def _check_shape(self, shape: Shape | None) -> None:
        if shape is not None and shape != self.image_shape_:
            raise ValueError(
                f"X holds images of shape {shape}, but LeNetClassifier was fitted on images of shape "
                f"{self.image_shape_}; resize them, or fit anew."
            )

    def _make_images(self, data: "_TrainingData", classes: NDArray[Any], again: bool) -> Images:
        """Join what is trained on; the canvas is learned once, because the weights depend on it."""
        declared = check_image_shape(self.image_shape)
        if again:
            self._check_shape(declared)
            canvas = self._canvas
        else:
            shape = resolve_image_shape(data.rows.shape[1], declared=declared, seen=data.shape)
            canvas = Canvas(shape, PixelStatistics.of(data.rows, shape, data.indices))
        targets = np.zeros(len(data.rows), dtype=np.intp)
        weights = np.zeros(len(data.rows), dtype=np.float32)
        targets[data.indices] = counted = np.searchsorted(classes, data.labels)
        weights[data.indices] = training_weights(counted, classes, data.weights, self.class_weight)
        return Images(data.rows, targets, weights, classes, canvas, data.indices)

    def _split(self, images: Images, seed: int) -> tuple[Images, Images | None]:
        if not self.early_stopping:
            return images, None
        targets = images.targets[images.indices]
        training, validation = stratified_split(targets, images.classes, self.validation_fraction, seed)
        return images.subset(training), images.subset(validation)

    def _draw_seed(self) -> int:
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _distortion(self) -> Distortion | None:
        return DISTORTIONS[self.augment] if isinstance(self.augment, str) else self.augment

    def _check_size(self) -> None:
        for name in ("architecture", "width"):
            there, now = getattr(self.net_, f"module__{name}"), getattr(self, name)
            if now != there:
                raise ValueError(
                    f"Training goes on with {name}={there!r}, but {name} is {now!r} now; set it back, or start anew by "
                    "fit with warm_start=False."
                )

    def _net_params(self, n_classes: int, plan: Plan, seed: int) -> dict[str, Any]:
        return {
            "seed": seed,
            "lr": float(self.lr),
            "batch_size": plan.batch_size,
            "module__n_classes": n_classes,
            "module__architecture": self.architecture,
            "module__width": float(self.width),
            "module__dropout": float(self.dropout),
            "optimizer__weight_decay": plan.weight_decay,
            "criterion__label_smoothing": float(self.label_smoothing),
        }

    def _make_net(self, n_classes: int, plan: Plan, seed: int) -> Net:
        params = self._net_params(n_classes, plan, seed)
        net = build_net(params, clone_callbacks(self.callbacks), resolve_device(self.device))
        net.augment = self._distortion()
        return net

    def _own_callbacks(self, net: Net, plan: Plan) -> list[Callback]:
        callbacks: list[Callback] = []
        if not any(isinstance(callback, LRScheduler) for _, callback in net.callbacks_):
            callbacks.append(schedule(plan.n_steps, anneal=not self.early_stopping))
        if self.early_stopping:
            callbacks.append(StopWhenNotImproving(self.n_iter_no_change, self.tol))
        if self.verbose:
            callbacks.append(EpochBar(plan.n_epochs))
        return callbacks


class _TrainingData(NamedTuple):
    """What is left of X, y and sample_weight after validation."""

    rows: NDArray[Any]  # (n, pixels)
    indices: NDArray[np.intp]  # (n_positive,), of the samples with positive weight
    labels: NDArray[Any]  # (n_positive,)
    weights: NDArray[np.float64]  # (n_positive,)
    shape: Shape | None  # what the layout of X says of one image


def _fitted(net: Net, images: Images, earlier_losses: list[float], n_new: int | None = None) -> dict[str, Any]:
    """Collect what training has fitted, to be assigned together; `n_new` epochs of the history are new, None all."""
    new = net.history[-n_new:] if n_new else net.history
    scores = [epoch["valid_acc"] for epoch in new if "valid_acc" in epoch]
    return {
        "classes_": images.classes,
        "image_shape_": images.canvas.shape,
        "n_epochs_": len(net.history),
        "batch_size_": net.batch_size,
        "weight_decay_": net.optimizer__weight_decay,
        "loss_curve_": [*earlier_losses, *(epoch["train_loss"] for epoch in new)],
        "validation_scores_": scores or None,
        "net_": net,
        "_canvas": images.canvas,
    }
