"""The base class of estimators that hold a fitted model."""

import functools
import os
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from sklenet._engine import Model, clone_callbacks, device_for_loading, resolve_device, use_one_thread_after_fork
from sklenet._saving import RefusedError, load_saved, save_fitted
from sklenet._tasks import CallbackSupportMixin, FitTask
from sklenet._validation import nearest_parameter, validate_predict

use_one_thread_after_fork()


def unchanged_on_error(fit: Callable[..., Any]) -> Callable[..., Any]:
    """Leave the instance as it was if fitting ends in an exception, KeyboardInterrupt included."""

    @functools.wraps(fit)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = dict(vars(self))
        try:
            return fit(self, *args, **kwargs)
        except BaseException:  # Ctrl-C included; every exception is raised again
            vars(self).clear()
            vars(self).update(before)
            raise

    return wrapper


class ModelEstimator(CallbackSupportMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """An estimator whose fitted attributes are those of a :class:`Model`, which `_model` holds."""

    # Set by a search while it fits: `watch` of FitTask.
    _watch_epoch: Callable[[int, Callable[[], Self]], bool] | None = None

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Compute the activations of F6, the features from which the output layer tells the classes apart.

        An image gets the same features, to the bit, alone, in any batch and in any order. The features are those of the
        image itself, also with ``test_time_augment=True``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_pixels), (n_samples, h, w), (n_samples, 1, h, w) or (n_samples, h, w, 1)
            Images on the same scale and of the same polarity as in `fit`.

        Returns
        -------
        features : ndarray of shape (n_samples, n_units), float32
            84 units with ``width=1``.
        """
        return self._compute(X, Model.features)

    @property
    def _n_features_out(self) -> int:
        """The number of features, after which scikit-learn names them."""
        return self._model.module.f6.out_features

    def _compute(self, X: ArrayLike, outputs: Callable[..., NDArray[Any]], **options: Any) -> NDArray[Any]:
        """Validate images, and compute outputs of the model."""
        check_is_fitted(self)
        return outputs(self._model, validate_predict(self, X, self._model), **options)

    def set_params(self, **params: Any) -> Self:
        """Set parameters of this estimator.

        Parameters
        ----------
        **params : dict of str to object
            Parameters by name.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            If a name is not a parameter. The message has the nearest parameter.
        """
        known = self.get_params()
        if unknown := [name for name in params if name not in known]:
            raise ValueError(
                f"Invalid parameter {unknown[0]!r} for estimator {self}. Valid parameters are: {sorted(known)!r}. "
                f"The nearest is {nearest_parameter(unknown[0], known)!r}."
            )
        return super().set_params(**params)

    def __sklearn_tags__(self) -> Tags:
        """Return the tags; 3-D input is accepted beside 2-D input, and features are of float32."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Return the parameters as given, and the fitted model as NumPy arrays, strings and numbers.

        The state holds no torch object and no device. So a model loads on another machine, and skops can store it.
        """
        state = dict(super().__getstate__())
        if "_model" in state:
            state["_model"] = state["_model"].to_state()
            state.pop("net_", None)  # a part of the model
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Rebuild the model on the device that the parameter `device` names, or on the CPU if the device is absent."""
        super().__setstate__(dict(state))
        if "_model" in state:
            callbacks, device = clone_callbacks(self.callbacks), device_for_loading(self.device)
            model = Model.from_state(state["_model"], callbacks, device)
            # Labels are copied, because joblib may return a memory map of a file that is deleted later.
            self.__dict__.update(_model=model, net_=model.net, classes_=np.array(self.classes_))

    def save(
        self, path: str | os.PathLike[str], *, include_optimizer: bool = True, include_statistics: bool = True
    ) -> None:
        """Save this fitted estimator in one safetensors file, which holds no code.

        The file holds the parameters, the weights, the labels, shape and statistics of the training images, names of
        columns, the history of epochs, and what further training needs. What scikit-learn keeps beside the parameters
        is left out: `set_output`, scikit-learn's callbacks, and metadata requests. This method needs the extra
        ``sklenet[safetensors]``; `load` does not.

        Parameters
        ----------
        path : str or path-like
            The file. A present file is replaced when the new one is complete.
        include_optimizer : bool, default=True
            Whether the file holds the moments of the optimiser and the states of the random generators. Without them
            the file has a third of the size, and `partial_fit` starts with new moments.
        include_statistics : bool, default=True
            Whether the file holds the statistics of features. Without them `score_samples` raises until the loaded
            estimator is fitted, or `partial_fit` is called.

        Raises
        ------
        ValueError
            If the estimator is not fitted, or a parameter, a label or a record of an epoch cannot be held without code.
            The message says what to set. Nothing is written then.
        OSError
            If the file cannot be written. A present file is unchanged.
        ImportError
            If safetensors is not installed.
        """
        check_is_fitted(self)
        try:
            save_fitted(
                self,
                self._model.to_state(),
                path,
                include_optimizer=include_optimizer,
                include_statistics=include_statistics,
            )
        except RefusedError as why:
            raise ValueError(f"{type(self).__name__} cannot be saved: {why}.") from None

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, device: str | None = None) -> Self:
        """Load an estimator from a file that `save` wrote.

        The file is not trusted: no code in it is run, and memory is allocated for what the file has the bytes for.

        Parameters
        ----------
        path : str or path-like
            The file.
        device : str or None, default=None
            Replaces the parameter `device`. None leaves the saved parameter.

        Returns
        -------
        estimator : object
            The fitted estimator, of this class.

        Raises
        ------
        ValueError
            If the file is of another kind, another format or another class, or is damaged; or if this machine does not
            have the `device`.
        OSError
            If the file cannot be read.

        Warns
        -----
        UserWarning
            If other versions have saved the file, or this machine lacks the saved device: the model is on the CPU then.
        """
        try:
            saved = load_saved(cls, path)
        except RefusedError as why:
            raise ValueError(f"{os.fspath(path)!r} cannot be loaded as {cls.__name__}: {why}.") from None
        estimator = cls(**saved.parameters | ({} if device is None else {"device": device}))
        target = device_for_loading(estimator.device) if device is None else resolve_device(device)
        estimator._assign(Model.from_state(saved.state, [], target))
        estimator.n_features_in_ = saved.state["canvas"]["n_pixels"]
        if saved.feature_names is not None:
            estimator.feature_names_in_ = saved.feature_names
        return estimator

    def _fit_task(self, X: Any, y: Any, sample_weight: Any, n_epochs: int) -> FitTask:
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        return FitTask(
            context=self._init_callback_context(max_subtasks=n_epochs),
            estimator=self,
            data={"X": X, "y": y, "metadata": metadata},
            attributes=self._attributes,
            watch=self._watch_epoch,
        )

    def _assign(self, model: Model) -> None:
        """Assign the fitted attributes at once."""
        self.__dict__.update(self._attributes(model))

    @staticmethod
    def _attributes(model: Model) -> dict[str, Any]:
        return {
            "classes_": model.classes,
            "image_shape_": model.canvas.shape,
            "n_epochs_": len(model.net.history),
            "batch_size_": model.settings.batch_size,
            "weight_decay_": model.settings.weight_decay,
            "loss_curve_": model.loss_curve,
            "validation_scores_": model.validation_scores,
            "net_": model.net,
            "_model": model,
        }
