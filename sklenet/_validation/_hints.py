"""The parameter that a user may have meant, by the names of other libraries or by its letters."""

import difflib
from collections.abc import Iterable

# Names of LeNetClassifier's parameters in MLPClassifier, skorch, Keras, XGBoost and others.
_SYNONYMS = {
    "lr": ("learning_rate", "learning_rate_init", "eta", "eta0", "step_size", "optimizer__lr"),
    "max_epochs": ("epochs", "n_epochs", "num_epochs", "nb_epoch", "max_iter", "n_iter", "iterations", "n_estimators"),
    "weight_decay": ("alpha", "l2", "l2_regularization", "reg_lambda", "decay", "regularization", "C"),
    "batch_size": ("batch", "minibatch_size", "n_batch", "train_batch_size"),
    "dropout": ("dropout_rate", "drop_rate", "p_dropout", "module__dropout"),
    "augment": ("augmentation", "data_augmentation", "transform", "distortion", "transforms"),
    "random_state": ("seed", "random_seed", "rng"),
    "n_iter_no_change": ("patience", "early_stopping_rounds"),
    "validation_fraction": ("validation_split", "val_split", "test_size", "valid_fraction"),
    "image_shape": ("input_shape", "shape", "image_size", "img_size", "input_size"),
    "callbacks": ("callback",),
    "architecture": ("model", "network", "module", "arch"),
    "width": ("hidden_layer_sizes", "hidden_units", "n_filters", "filters", "channels", "width_factor"),
    "device": ("gpu", "cuda", "use_cuda", "accelerator"),
    "verbose": ("verbosity", "progress_bar", "disp"),
    "test_time_augment": ("tta", "test_time_augmentation"),
    "label_smoothing": ("smoothing", "smooth"),
}
_MEANT = {synonym: name for name, synonyms in _SYNONYMS.items() for synonym in synonyms}


def nearest_parameter(name: str, known: Iterable[str]) -> str:
    """Return the known parameter that a name most likely stands for.

    Parameters
    ----------
    name : str
        With or without the steps of a pipeline before it, as in ``"lenetclassifier__learning_rate"``.
    known : iterable of str
        The existing parameters.

    Examples
    --------
    >>> nearest_parameter("learning_rate", ["lr", "tol"]), nearest_parameter("dropuot", ["dropout", "tol"])
    ('lr', 'dropout')
    """
    known = list(known)
    step, separator, last = name.rpartition("__")
    meant = _MEANT.get(name) or _MEANT.get(last, last)
    candidates = [f"{step}{separator}{meant}", meant]
    exact = [candidate for candidate in candidates if candidate in known]
    in_a_step = [candidate for candidate in known if candidate.endswith(f"__{meant}")]
    return [*exact, *in_a_step, *difflib.get_close_matches(name, known, n=1, cutoff=0)][0]
