"""The cells of a run."""

from collections.abc import Iterator, Sequence
from itertools import product

from comparison.models import MODELS
from comparison.protocol import Cell

QUICK_DATASETS = ("digits", "mnist_sample", "characters")
# The slowest models, which add the least, are measured on request only.
QUICK_MODELS = ("lenet", "svm", "hog_svm", "svm_distorted", "hog_svm_distorted", "forest", "knn", "mlp", "logistic")

_LENETS = ("lenet", "lenet_plain")
_CURVE_MODELS = (*_LENETS, "svm", "hog_svm", "svm_distorted", "hog_svm_distorted", "forest", "knn")
# The models that are tuned on several data sets, and the longer list for one data set without the slowest tunings.
_TUNED_MODELS = ("lenet", "svm", "hog_svm", "forest")
_ALL_TUNED_MODELS = (*_TUNED_MODELS, "linear_svm", "extra_trees", "knn", "mlp", "logistic")


def choose(
    datasets: Sequence[str],
    models: Sequence[str],
    forms: Sequence[str],
    sizes: Sequence[int | None],
    n_seeds: int,
    *,
    n_folds: int = 0,
) -> Iterator[Cell]:
    """Yield all combinations, without seeds that do not change the result."""
    for dataset, size, seed, fold in product(datasets, sizes, range(n_seeds), range(max(1, n_folds))):
        for form, model in product(forms, models):
            # A deterministic classifier gives the same model for every seed, if it is trained on all images.
            if seed == 0 or size is not None or MODELS[model].stochastic:
                yield Cell(dataset, model, form, size, seed, fold, n_folds)


def full() -> list[Cell]:
    """List the cells of the committed results, beginning with those whose times the report compares.

    The smallest training sets are drawn twice, because their results vary most between draws and take the least time.
    """
    everyone = tuple(MODELS)
    cells = [
        # Times.
        *choose(["mnist"], _LENETS, ["default"], [None], 3),
        *choose(["mnist"], ["svm"], ["tuned"], [None], 1),
        *choose(["mnist"], everyone, ["default"], [10_000], 1),
        # All classifiers on two data sets.
        *choose(["kmnist", "characters"], everyone, ["default"], [None], 1),
        *choose(["kmnist"], _ALL_TUNED_MODELS, ["tuned"], [None], 1),
        *choose(["characters"], _TUNED_MODELS, ["tuned"], [None], 1),
        # Learning curves.
        *choose(["mnist", "kmnist", "characters"], _CURVE_MODELS, ["default"], [100, 300], 2),
        *choose(["mnist", "kmnist", "characters"], _CURVE_MODELS, ["default"], [1000, 3000], 1),
        # Pictures that are neither digits nor characters.
        *choose(["fashion_mnist"], everyone, ["default"], [10_000], 1),
        *choose(["fashion_mnist"], _TUNED_MODELS, ["tuned"], [10_000], 1),
        # All of MNIST.
        *choose(["mnist"], ["lenet", "hog_svm", "forest"], ["tuned"], [None], 1),
        # Transfer and robustness.
        *choose(["characters_seen"], _CURVE_MODELS, ["default"], [None], 1),
        *choose(["mnist_to_digits", "mnist_corrupted"], _CURVE_MODELS, ["default"], [3000], 1),
        *choose(["digits_to_mnist"], _CURVE_MODELS, ["default"], [None], 1),
        # Remaining cells.
        *choose(["fashion_mnist"], _CURVE_MODELS, ["default"], [100, 300, 1000, 3000], 1),
        *choose(["digits", "mnist_sample"], everyone, ["default"], [None], 1),
    ]
    return list(dict.fromkeys(cells))
