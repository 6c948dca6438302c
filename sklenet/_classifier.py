"""LeNetClassifier: scikit-learn's contract."""

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.metaestimators import available_if

from sklenet._base import ModelEstimator, unchanged_on_error
from sklenet._checks import Shape
from sklenet._engine import (
    ARCHITECTURES,
    DISTORTIONS,
    Distortion,
    Model,
    clone_callbacks,
    describe_poor_convergence,
    resolve_device,
    resolve_settings,
    start_model,
    train,
)
from sklenet._private import Interval, StrOptions, _fit_context
from sklenet._validation import validate_fit, validate_partial_fit


class LeNetClassifier(ClassifierMixin, ModelEstimator):
    """LeNet-5 [1]_ for grayscale images of digits and characters, trained through skorch.

    The network is excellent on images of strokes, and may not carry over to images without such patterns: compare the
    classifier with others before you use it on those.

    Parameters
    ----------
    architecture : {"modern", "1998"}, default="modern"
        "modern" has ReLU, max pooling and a C3 that is connected to all maps of S2. "1998" is the paper's network with
        scaled hyperbolic tangent, trainable subsampling and the connection table of C3; a linear output replaces the
        paper's radial basis functions.
    width : float, default=1.0
        Factor on the number of maps and hidden units. 1.0 is LeNet-5, 61,706 parameters for 10 classes, and the only
        width of "1998".
    image_shape : tuple (height, width) or None, default=None
        Shape of one image in pixels, for flat rows of X. With None, the layout of X determines the shape; flat rows are
        squares, padded with the background if necessary.
    max_epochs : int or "auto", default="auto"
        Passes over the training data. "auto" is a larger number for fewer images; see `n_epochs_`.
    batch_size : int or "auto", default="auto"
        Images in a training step. "auto" is between 32 and 128, growing with the number of images, and half of that in
        `partial_fit`.
    lr : float or "auto", default="auto"
        Peak learning rate of AdamW [2]_. The rate rises over the first tenth of the steps, or over 30 steps of a short
        training, and falls along half a cosine. With `early_stopping` the rate stays at the peak, and the weights are
        averaged; in `partial_fit` the rate is constant. "auto" is 0.012, divided by `width` where that is more than 1,
        and 0.003 in `partial_fit`.
    weight_decay : float or "auto", default="auto"
        Decoupled weight decay of AdamW: each step shrinks the weights by the learning rate times `weight_decay`. "auto"
        is 8 over the root of the number of steps, the normalisation of [2]_, appendix B.1, but 0.5 at most, and 0.3 in
        `partial_fit`; see `weight_decay_`.
    dropout : float, default=0.0
        Probability with which inputs of F6 and of the output layer are set to zero in training, at least 0, below 1.
    label_smoothing : float or "auto", default="auto"
        Share of the target's probability that is spread over all classes, at least 0, below 1. "auto" is 0.1 for up to
        300 images and falls to 0.02 for 7,500 or more, and in `partial_fit`. Label smoothing makes probabilities less
        extreme.
    augment : {"auto", "affine", "elastic"}, callable or None, default="auto"
        Random distortion of the training batches: "affine" rotates by up to 10 degrees, shears, scales and shifts;
        "elastic" also warps, as in [3]_. "auto" is "affine" for images of at least 8×8 pixels, and None for smaller
        ones and in `partial_fit`, whose images come once. Set None where classes differ by place, size or a small
        rotation. A callable takes a batch (b, 1, 32, 32) of standardised images, float32, and a torch.Generator to draw
        from, and returns a batch of the same shape and dtype.
    test_time_augment : bool, default=False
        Whether to predict from the mean of the logits of nine views: the image, and the image shifted by one of the
        canvas's 32 pixels in each of the eight directions. Predictions take nine times as long. The parameter affects
        predictions alone and may be changed after `fit`; the validation scores of `early_stopping` use one view.
    early_stopping : bool, default=False
        Whether to hold out a part of the training data, score the part after every epoch, stop when neither accuracy
        nor loss improves, and keep the most accurate weights, the latest among equals.
    validation_fraction : float, default=0.1
        Share of the training data that is held out, stratified by class. Used with `early_stopping` only.
    n_iter_no_change : int or "auto", default="auto"
        Epochs without an improvement by `tol` after which to stop. "auto" is a third of `max_epochs`, and at least 10.
        Used with `early_stopping` only.
    tol : float, default=1e-4
        Gain in accuracy, or fall of the loss, that counts as an improvement. Used with `early_stopping` only.
    class_weight : dict, "balanced" or None, default=None
        Weights {label: weight}; the default weight of a class is 1. "balanced" weighs a class inversely to its
        frequency, in which samples count by `sample_weight`. Labels that y lacks are ignored. The weights of classes
        are multiplied by `sample_weight`.
    warm_start : bool, default=False
        Whether `fit` starts from the weights of the earlier fit, with a new schedule. Classes, image shape and the
        standardisation of pixels stay the same.
    verbose : int, default=0
        1 shows a progress bar over the epochs.
    random_state : int, RandomState instance or None, default=None
        Seeds weights, order of the data, dropout, distortions and the validation split. The same int gives the same
        model to the bit with the same versions, machine and number of torch threads.
    device : str, default="auto"
        "cpu", "cuda", "cuda:1", "mps", or "auto": the accelerator if the machine has one. A fitted model loads on any
        machine.
    callbacks : list of skorch callbacks or None, default=None
        Cloned before use. An LRScheduler among them replaces the schedule described under `lr`. As in skorch, callbacks
        after an EarlyStopping do not see the end of the last epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels, of the dtype of `y`. For a nullable column of a data frame, NumPy's dtype of the same kind.
    n_features_in_ : int
        Number of pixels of an image.
    feature_names_in_ : ndarray of shape (n_pixels,)
        Names of the columns, if X is a data frame whose column names are all strings.
    image_shape_ : tuple (height, width)
        Shape of one image, in pixels, padding included.
    n_epochs_ : int
        Epochs of the last `fit` and of the later calls of `partial_fit`.
    batch_size_ : int
        Images in a training step.
    weight_decay_ : float
        Weight decay of the last training.
    loss_curve_ : list of float
        Mean training loss of each epoch, earlier fits with `warm_start` included.
    validation_scores_ : list of float or None
        Validation accuracy after each epoch; None without `early_stopping`.
    net_ : skorch.NeuralNetClassifier
        The trained net, with `history` (of epochs, not of batches), `module_` (:class:`LeNet5`), `optimizer_` and
        `callbacks_`. Its `predict` takes images as uint8 or float32, and returns indices of `classes_`.

    See Also
    --------
    sklearn.neural_network.MLPClassifier : Multi-layer perceptron, which does not know that pixels have neighbours.
    sklearn.svm.SVC : Support vector machine, strong on small data sets of any kind of image.

    Notes
    -----
    Images are placed on the paper's 32×32 canvas by one rule, which keeps the aspect ratio: images whose longer side
    has 20 to 32 pixels are centred and padded, other images are resized to 28 pixels first. Padding has the value of
    the background, the median of the images' border pixels. Pixels are standardised by the mean and standard deviation
    of all training pixels, so no scaler is needed.

    The model knows neither the orientation of an image nor the colour of ink: give `predict` images of the same
    orientation, scale and polarity as `fit`. Other scales and inverted images draw a warning, fewer than ten images
    only where the fault is certain. Transposed images cannot be detected.

    A process that is forked after this class was imported computes with one thread.

    Only the proportions of weights matter: weights are scaled to a mean of 1 in each call. Samples of weight 0 are left
    out.

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
        "lr": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "weight_decay": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "label_smoothing": [Interval(Real, 0, 1, closed="left"), StrOptions({"auto"})],
        "augment": [StrOptions({"auto", *DISTORTIONS}), callable, None],
        "test_time_augment": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
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
        lr: float | str = "auto",
        weight_decay: float | str = "auto",
        dropout: float = 0.0,
        label_smoothing: float | str = "auto",
        augment: str | Distortion | None = "auto",
        test_time_augment: bool = False,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int | str = "auto",
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

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train on images.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_pixels), (n_samples, h, w), (n_samples, 1, h, w) or (n_samples, h, w, 1)
            Grayscale images of bool, any int or any float: arrays, data frames, lists, memory maps or CPU tensors.
            uint8 and float32 are not copied.
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
            If the input or a parameter is not as described, or the training diverges. The instance is then unchanged,
            as after any other exception.

        Warns
        -----
        UserWarning
            If the number of pixels is not a square number and `image_shape` is None.
        ConvergenceWarning
            If the training loss ends near chance level, or still falls steeply when `max_epochs` ends the training.
        """
        fitted = getattr(self, "_model", None) if self.warm_start else None
        data = validate_fit(self, X, y, sample_weight, fitted=fitted)
        settings = resolve_settings(self, len(data.training), data.seed, shape=data.shape)
        model = start_model(data, settings, clone_callbacks(self.callbacks), resolve_device(self.device), fitted)
        # Under the automatic rate, units die where nothing can be learnt. That ends near chance level and warns. A rate
        # that was chosen too high is an error.
        is_rate_automatic = isinstance(self.lr, str)
        with self._fit_task(X, y, sample_weight, settings.max_epochs) as task:
            self._assign(train(model, data, task, show_bar=bool(self.verbose), accept_dead_units=is_rate_automatic))
        if description := describe_poor_convergence(self._model, data):
            # The two decorators stand between this method and the call of the user.
            warnings.warn(description, ConvergenceWarning, stacklevel=4)
        return self

    def _is_partial_fit_supported(self) -> bool:
        if self.early_stopping:
            raise AttributeError("partial_fit does not support early_stopping=True; set early_stopping=False.")
        return True

    @available_if(_is_partial_fit_supported)
    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train for one epoch, from the present weights, at constant learning rate.

        The optimiser's state is kept from call to call, and after `fit`. An automatic weight decay is 0.3, because the
        length of a stream is unknown. The first call determines the standardisation of pixels, so give the first call a
        representative sample. An estimator with `early_stopping=True` has no `partial_fit`.

        Parameters
        ----------
        X : array-like
            Images, as in `fit`.
        y : array-like of shape (n_samples,)
            Labels, all of them among `classes`.
        classes : array-like of shape (n_classes,) or None, default=None
            All labels that later calls may have; required in the first call, unless `fit` came before.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights, not negative; only their proportions within the call matter.

        Returns
        -------
        self : LeNetClassifier

        Raises
        ------
        ValueError
            As in `fit`; with `class_weight="balanced"`; if `architecture` or `width` has changed since the first
            training; if `classes` is missing in the first call, or y has a label that was not declared.
        """
        fitted = getattr(self, "_model", None)
        data = validate_partial_fit(self, X, y, sample_weight, classes=classes, fitted=fitted)
        settings = resolve_settings(self, len(data.training), data.seed, shape=data.shape, is_stream=True)
        callbacks, device = clone_callbacks(self.callbacks), resolve_device(self.device)
        # A copy is trained, so that a failed call leaves the present model as it is.
        model = fitted.resume(settings, callbacks, device) if fitted else start_model(data, settings, callbacks, device)
        self._assign(train(model, data))
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
        logits = self._compute(X, Model.logits, average_shifts=self.test_time_augment)
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
        return self._compute(X, Model.probabilities, average_shifts=self.test_time_augment)

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
        return self._compute(X, Model.log_probabilities, average_shifts=self.test_time_augment)

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
        logits = self._compute(X, Model.logits, average_shifts=self.test_time_augment)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Score how much images look like the training images; the higher, the more.

        The score is minus the relative Mahalanobis distance [1]_ of the features of F6: the squared distance from the
        nearest mean of a class, with one covariance for all classes, less the squared distance under the distribution
        of all images. The distributions are those of up to 10,000 images of `fit`, spread evenly over its samples, and
        of the images of later calls of `partial_fit`, in which at most 10,000 images count and earlier ones fade. Under
        ``test_time_augment=True`` the features are means over the nine views.

        A row gets the same score, to the bit, alone, in any batch and in any order. Scores of different models do not
        compare.

        Parameters
        ----------
        X : array-like
            Images, as in `predict`.

        Returns
        -------
        scores : ndarray of shape (n_samples,), float64

        Raises
        ------
        ValueError
            If the model was stored by a version without `score_samples`.

        References
        ----------
        .. [1] J. Ren, S. Fort, J. Liu, A. G. Roy, S. Padhy and B. Lakshminarayanan, "A simple fix to Mahalanobis
           distance for improving near-OOD detection", arXiv:2106.09022, 2021.
        """
        return self._compute(X, Model.scores, average_shifts=self.test_time_augment)
