"""The identity of a study depends on everything that its scores depend on, and on nothing else."""

import functools
import subprocess
import sys
from dataclasses import replace

import numpy as np
import optuna
import pytest
import sklearn
from optuna.trial import TrialState
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, f1_score, make_scorer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from skorch.callbacks import GradientNormClipping

from sklenet import LeNetClassifier
from sklenet._engine import resolve_settings
from sklenet.tuning import LeNetSearchCV, _identity
from sklenet.tuning._identity import sample_space, to_canonical_json
from sklenet.tuning._study import open_study

MANY = dict.fromkeys(range(40), 1.0)
CHANGED_VALUES = {
    "the last of many class weights": (
        LeNetClassifier(class_weight=MANY), LeNetClassifier(class_weight=MANY | {39: 2.0}),
    ),
    "a parameter of a step": (
        make_pipeline(MinMaxScaler(), LeNetClassifier()), make_pipeline(MinMaxScaler(clip=True), LeNetClassifier()),
    ),
    "a parameter of a callback": (
        LeNetClassifier(callbacks=[GradientNormClipping(1.0)]), LeNetClassifier(callbacks=[GradientNormClipping(2.0)]),
    ),
    "the body of a function": (lambda x: x + 1, lambda x: x + 2),
    "an argument of a partial function": (functools.partial(f1_score, beta=1), functools.partial(f1_score, beta=2)),
    "an argument of a scorer": (make_scorer(f1_score, average="macro"), make_scorer(f1_score, average="micro")),
    "the function of a scorer": (make_scorer(f1_score), make_scorer(accuracy_score)),
    "an element of a long array": (np.zeros(5000), np.eye(1, 5000, 2500)[0]),
    "a type": (1, "1"),
    "the state of a RandomState": (np.random.RandomState(1), np.random.RandomState(2)),
    "the object of a method": (MinMaxScaler().fit_transform, MinMaxScaler(clip=True).fit_transform),
    "a list and a tuple": ([1], (1,)),
}  # fmt: skip


def multiply_by(factor):
    return lambda x: factor * x


def test_closure_of_a_function_is_serialised():
    def recursive(n):
        return recursive(n - 1) if n else 0

    assert to_canonical_json(multiply_by(1)) == to_canonical_json(multiply_by(1)) != to_canonical_json(multiply_by(2))
    assert to_canonical_json(recursive) == to_canonical_json(recursive)


@pytest.mark.parametrize("name", CHANGED_VALUES)
def test_changed_values_are_serialised_differently(name):
    one, other = CHANGED_VALUES[name]
    assert to_canonical_json(one) != to_canonical_json(other)
    assert to_canonical_json(one) == to_canonical_json(one)


def test_order_of_keys_is_ignored():
    assert to_canonical_json({"width": 1, "lr": 2}) == to_canonical_json({"lr": 2, "width": 1})


def test_display_options_are_ignored():
    model = LeNetClassifier(lr=1e-3, class_weight=MANY)
    before = to_canonical_json(model)
    with sklearn.config_context(print_changed_only=False):
        assert to_canonical_json(model) == before
    assert "0x" not in to_canonical_json([object(), lambda: 0, model])


@pytest.mark.slow
def test_other_processes_serialise_equally():
    code = (
        "from sklearn.metrics import *; from sklenet import *; from sklenet.tuning._identity import to_canonical_json"
    )
    made = "[LeNetClassifier(class_weight={'a': 1}), make_scorer(f1_score, average='macro'), {3, 1, 2}, accuracy_score]"
    printed = subprocess.run(
        [sys.executable, "-c", f"{code}; print(to_canonical_json({made}))"], check=True, capture_output=True, text=True
    )
    value = [LeNetClassifier(class_weight={"a": 1}), make_scorer(f1_score, average="macro"), {1, 2, 3}, accuracy_score]
    assert printed.stdout.strip() == to_canonical_json(value)


def test_description_of_a_space_includes_values_that_are_not_drawn():
    def space(trial, width):
        return {"lr": trial.suggest_float("lr", 1e-3, 1e-2), "width": width}

    one, same, other = (sample_space(functools.partial(space, width=width))[1] for width in (1.0, 1.0, 2.0))
    assert one == same != other


@pytest.mark.parametrize("set_value", [1e-4, 1e-1])
def test_description_of_a_space_includes_values_set_instead_of_those_drawn(set_value):
    def space(trial, lr):
        drawn = trial.suggest_float("lr", 1e-3, 1e-2)
        return {"lr": lr or drawn}

    drawn, replaced = (sample_space(functools.partial(space, lr=lr))[1] for lr in (None, set_value))
    assert "lr = " in replaced
    assert "lr = " not in drawn


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(n_class=2, return_X_y=True)
    return X[:40], y[:40]


def search(tmp_path, **options):
    return LeNetSearchCV(
        LeNetClassifier(batch_size=16), param_distributions={"lr": [1e-3]}, n_trials=1, cv=2, random_state=0,
        storage=f"sqlite:///{tmp_path}/study.db", study_name="one", **options,
    )  # fmt: skip


@pytest.mark.slow
def test_search_is_resumed_under_other_display_options(digits, tmp_path):
    search(tmp_path).fit(*digits)
    with sklearn.config_context(print_changed_only=False):
        assert len(search(tmp_path).fit(*digits).study_.trials) == 1


@pytest.mark.slow
def test_study_is_not_resumed_after_defaults_have_changed(digits, tmp_path, monkeypatch):
    search(tmp_path).fit(*digits)

    def resolve_one_more_epoch(*args, **kwargs):
        settings = resolve_settings(*args, **kwargs)
        return replace(settings, max_epochs=settings.max_epochs + 1)

    with monkeypatch.context() as patch:
        patch.setattr("sklenet.tuning._preparation.resolve_settings", resolve_one_more_epoch)
        with pytest.raises(ValueError, match="another estimator"):
            search(tmp_path).fit(*digits)
    monkeypatch.setattr(_identity, "_FORMAT", _identity._FORMAT + 1)
    with pytest.raises(ValueError, match="another format"):
        search(tmp_path).fit(*digits)


@pytest.mark.parametrize("first_read", ["get_trials", "user_attrs"])
def test_two_processes_create_one_study_at_the_same_moment(first_read, monkeypatch):
    storage, identity = optuna.storages.InMemoryStorage(), {"data": "1"}
    calls = []

    def create_study_and_run_trial_in_another_process():
        if not calls:
            calls.append(True)
            study = open_study(storage, "one", identity)
            study.tell(study.ask(), 1.0)

    get_trials, user_attrs = optuna.Study.get_trials, optuna.Study.user_attrs

    def read_trials(study, *args, **kwargs):
        trials = get_trials(study, *args, **kwargs)
        if first_read == "get_trials":
            create_study_and_run_trial_in_another_process()
        return trials

    def read_attrs(study):
        attrs = user_attrs.fget(study)
        if first_read == "user_attrs":
            create_study_and_run_trial_in_another_process()
        return attrs

    monkeypatch.setattr(optuna.Study, "get_trials", read_trials)
    monkeypatch.setattr(optuna.Study, "user_attrs", property(read_attrs))
    study = open_study(storage, "one", identity)
    assert [trial.state for trial in get_trials(study)] == [TrialState.COMPLETE]
