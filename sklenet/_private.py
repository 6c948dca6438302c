"""The private interfaces of other packages that sklenet uses: each name once, with its reason.

Private interfaces move without notice. Every other module imports them from here, so that an upgrade breaks one file,
and `tests/test_private.py` names what has moved. A name is imported on access, because some modules are slow to import.
"""

from importlib import import_module
from typing import Any

# Versions that the names below were seen in.
SEEN = {
    "optuna": ("5.0.0",),
    "skl2onnx": ("1.20.0",),
    "sklearn": ("1.6.0", "1.6.1", "1.7.0", "1.7.2", "1.8.0", "1.9.0", "1.9.1"),
}

# Name: the module that has it, and what it is needed for.
NAMES = {
    "HasMethods": ("sklearn.utils._param_validation", "domains of parameters, with scikit-learn's error messages"),
    "Interval": ("sklearn.utils._param_validation", "domains of parameters, with scikit-learn's error messages"),
    "StrOptions": ("sklearn.utils._param_validation", "domains of parameters, with scikit-learn's error messages"),
    "validate_parameter_constraints": (
        "sklearn.utils._param_validation",
        "checks parameters that are read from a file, before an estimator has them",
    ),
    "_fit_context": ("sklearn.base", "validates the parameters before fit; tears callbacks down after fit"),
    "_check_feature_names_in": ("sklearn.utils.validation", "checks the argument of get_feature_names_out"),
    "_check_sample_weight": ("sklearn.utils.validation", "checks weights as every estimator of scikit-learn does"),
    "_check_method_params": ("sklearn.utils.validation", "selects the rows of metadata that have one value a sample"),
    "_raise_for_params": ("sklearn.utils.metadata_routing", "refuses metadata where routing is not enabled"),
    "BaseSearchCV": ("sklearn.model_selection._search", "base class of searches; tells a search from other estimators"),
    "_fit_and_score": (
        "sklearn.model_selection._validation",
        "fits and scores one fold with the rules of cross_validate, which cannot pass on the context of callbacks",
    ),
    "get_heartbeat_thread": (
        "optuna.storages._heartbeat",
        "Study.optimize sends heartbeats, but does not allow a trial to be discarded before it begins",
    ),
    "sklearn_operator_name_map": (
        "skl2onnx._supported_operators",
        "the types that skl2onnx converts; supported_converters returns names only",
    ),
}

# Class: its module, and the private attributes of its instances, each with what it is needed for.
ATTRIBUTES = {
    "CallbackSupportMixin": (
        "sklearn.callback",
        {
            "_init_callback_context": "begins the task of a fit; scikit-learn's own estimators call it in fit",
        },
    ),
    "BaseSearchCV": (
        "sklearn.model_selection._search",
        {
            "_parameter_constraints": "domains of the parameters that LeNetSearchCV shares with other searches",
            "_get_scorers": "scorers, and the metric of refit",
            "_get_routed_params_for_fit": "metadata for the splitter, the estimator and the scorer",
            "_format_results": "makes cv_results_ as other searches do",
            "_select_best_index": "what refit selects",
            "_sk_visual_block_": "the drawing of the estimator in notebooks",
        },
    ),
    "_MultimetricScorer": ("sklearn.metrics._scorer", {"_scorers": "the scorers by name, for scorer_"}),
    "FrozenTrial": ("optuna.trial", {"_trial_id": "what heartbeats are recorded for"}),
}


def __getattr__(name: str) -> Any:
    if name not in NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _ = NAMES[name]
    return getattr(import_module(module), name)
