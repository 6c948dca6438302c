"""The table of contestants, each made from a number of epochs and a batch size."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from comparison.models import on_unit_pixels, svc_on_unit_pixels


@dataclass(frozen=True)
class Contestant:
    """An estimator or a training loop that is timed.

    Attributes
    ----------
    title : str
        The contestant's name in tables.
    make : callable (max_epochs, batch_size) -> estimator with fit and predict
    n_rounds : int
        Number of rounds at 60,000 images, where a single fit may take minutes.
    """

    title: str
    make: Callable[[int, int], Any]
    n_rounds: int = 5


def _sklenet(max_epochs: int, batch_size: int) -> Any:
    """Return the classifier with the steps of the loops, which distort no images."""
    from sklenet import LeNetClassifier
    from timing.loops import STEP_PARAMS

    return LeNetClassifier(max_epochs=max_epochs, batch_size=batch_size, random_state=0, **STEP_PARAMS)


def _official(max_epochs: int, batch_size: int) -> Any:
    from timing.loops import OfficialExample

    return OfficialExample(max_epochs, batch_size)


def _expert(max_epochs: int, batch_size: int) -> Any:
    from timing.loops import ExpertLoop

    return ExpertLoop(max_epochs, batch_size)


def _skorch(max_epochs: int, batch_size: int) -> Any:
    from timing.loops import make_plain_skorch

    return make_plain_skorch(max_epochs, batch_size)


def _recipe(max_epochs: int, batch_size: int) -> Any:
    """Return the fast recipe, which sets its own number of epochs and batch size."""
    from recipes import RECIPES
    from sklenet import LeNetClassifier

    return LeNetClassifier(**RECIPES["fast"], random_state=0)


def _one_epoch(max_epochs: int, batch_size: int) -> Any:
    """Return the fast recipe with one epoch, which beats the support vector machine on tens of thousands of images."""
    from recipes import ONE_EPOCH

    return _recipe(max_epochs, batch_size).set_params(**ONE_EPOCH)


def _svc(max_epochs: int, batch_size: int) -> Any:
    return svc_on_unit_pixels()


def _forest(max_epochs: int, batch_size: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(100, n_jobs=-1, random_state=0)


def _mlp(max_epochs: int, batch_size: int) -> Any:
    from sklearn.neural_network import MLPClassifier

    return on_unit_pixels(MLPClassifier((256,), early_stopping=True, random_state=0))


CONTESTANTS = {
    "sklenet": Contestant("sklenet", _sklenet),
    "expert": Contestant("expert's loop", _expert),
    "official": Contestant("official example's loop", _official),
    "skorch": Contestant("plain skorch", _skorch),
    "recipe": Contestant("sklenet, fast recipe", _recipe),
    "one_epoch": Contestant("fast recipe, one epoch", _one_epoch),
    "forest": Contestant("random forest", _forest, n_rounds=1),
    "mlp": Contestant("MLPClassifier(256)", _mlp, n_rounds=1),
    "svc": Contestant("SVC(C=10)", _svc, n_rounds=1),
}
