"""The tasks of a fit: what scikit-learn's callbacks are told, and what a search learns after each epoch.

scikit-learn has callbacks since release 1.9. With an earlier release, the stand-ins below are told instead and tell
nobody, so that the other modules do not depend on the release.
"""

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Self

from sklenet._engine import EpochObserver, Model

__all__ = ["HAS_CALLBACKS", "CallbackContext", "CallbackSupportMixin", "FitTask"]

try:
    from sklearn.callback import CallbackContext, CallbackSupportMixin
except ModuleNotFoundError:
    HAS_CALLBACKS = False

    class CallbackContext:  # type: ignore[no-redef]
        """Stands in for scikit-learn's context where scikit-learn has no callbacks."""

        def subcontext(self, **_: object) -> Self:
            """Return a context for a subtask."""
            return self

        def call_on_fit_task_begin(self, **_: object) -> None:
            """Do nothing."""

        def call_on_fit_task_end(self, **_: object) -> bool:
            """Return that no callback has asked to stop."""
            return False

        def propagate_callback_context(self, _: object) -> AbstractContextManager[None]:
            """Return a context manager that does nothing."""
            return nullcontext()

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in for scikit-learn's mixin. The estimators have no `set_callbacks` then."""

        def _init_callback_context(self, **_: object) -> CallbackContext:
            return CallbackContext()
else:
    HAS_CALLBACKS = True


@dataclass
class FitTask(EpochObserver):
    """Reports a fit to the callbacks of an estimator, and each epoch as a subtask.

    A context manager: the fit begins with the block, and ends with the block unless the block raises.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext
        Context of the fit.
    estimator : estimator
        The estimator that is fitted.
    data : dict
        X, y and metadata, as scikit-learn's hooks take them.
    attributes : callable
        Returns the fitted attributes of a model. Called only for a callback that wants a fitted estimator.
    watch : callable or None, default=None
        Called after each epoch with its index and a function that returns the estimator as fitted so far. The training
        ends if the return value is true.
    """

    context: CallbackContext
    estimator: Any
    data: dict[str, Any]
    attributes: Callable[[Model], dict[str, Any]]
    watch: Callable[[int, Callable[[], Any]], bool] | None = None
    _n_epochs: int = 0

    def __enter__(self) -> Self:
        self.context.call_on_fit_task_begin(estimator=self.estimator, **self.data)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.context.call_on_fit_task_end(estimator=self.estimator, **self.data, reconstruction_attributes={})

    def begin_epoch(self) -> None:
        """Begin the task of an epoch."""
        self._epoch = self.context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def end_epoch(self, snapshot: Callable[[], Model]) -> bool:
        """End the task of the epoch, and return whether a callback or `watch` has asked to end the training."""
        stop = self._epoch.call_on_fit_task_end(
            estimator=self.estimator,
            **self.data,
            reconstruction_attributes=lambda: self.attributes(snapshot()),
        )
        index, self._n_epochs = self._n_epochs, self._n_epochs + 1
        if self.watch is None:
            return stop
        return self.watch(index, lambda: self._fitted_so_far(snapshot())) or stop

    def _fitted_so_far(self, model: Model) -> Any:
        fitted = copy.copy(self.estimator)
        vars(fitted).update(self.attributes(model))
        return fitted
