"""The contestants, the timed step, and the tables of times and recipes."""

import doctest
import json
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.testing import assert_allclose

import recipes
import speed
from sklenet import LeNet5, LeNetClassifier
from sklenet._engine import resolve_settings
from sklenet.datasets import load_mnist_sample
from timing import processes
from timing.contestants import CONTESTANTS
from timing.loops import STEP_PARAMS, OfficialExample, _Digits, make_network, standardise
from timing.step import GROUPS, measure

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def digits():
    X, y = load_mnist_sample(subset="train", return_X_y=True)
    return X[:600], y[:600].astype(np.int64)


@pytest.mark.parametrize("name", CONTESTANTS)
def test_contestants_learn(name, digits):
    X, y = digits
    torch.manual_seed(0)  # loops that one would write draw from the global generator
    model = CONTESTANTS[name].make(8, 32)
    n_times = {"recipe": 3, "one_epoch": 10}.get(name, 1)  # few epochs see the images several times
    model.fit(np.tile(X, (n_times, 1)), np.tile(y, n_times))
    assert (model.predict(X) == y).mean() > 0.8


def test_network_of_the_loops_equals_the_network_of_sklenet(digits):
    ours = LeNet5(generator=torch.Generator().manual_seed(0)).eval()
    theirs = make_network().eval()
    with torch.no_grad():
        for weight, own in zip(theirs.parameters(), ours.parameters(), strict=True):
            weight.copy_(own)
        images = standardise(torch.from_numpy(digits[0][:20]))
        assert_allclose(theirs(images), ours(images), rtol=1e-4, atol=1e-5)
    assert not any(isinstance(layer, torch.nn.Dropout) for layer in theirs)
    assert LeNetClassifier().dropout == 0


def test_steps_of_the_loops_have_the_options_of_sklenet(digits, monkeypatch):
    X, y = (part[:64] for part in digits)
    optimizers, smoothings, cross_entropy = [], [], F.cross_entropy

    class Recorded(torch.optim.AdamW):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            optimizers.append(self)

    def record(*args, label_smoothing, **options):
        smoothings.append(label_smoothing)
        return cross_entropy(*args, label_smoothing=label_smoothing, **options)

    monkeypatch.setattr(torch.optim, "AdamW", Recorded)
    monkeypatch.setattr(F, "cross_entropy", record)
    for name in ("expert", "skorch"):
        CONTESTANTS[name].make(1, 32).fit(X, y)
    ours = CONTESTANTS["sklenet"].make(1, 32).fit(X, y)
    assert ours.net_.settings.distortion is None
    assert set(smoothings) == {ours.net_.settings.label_smoothing}
    own = ours.net_.optimizer_.param_groups[0]
    assert len(optimizers) == 2
    for group in (optimizer.param_groups[0] for optimizer in optimizers):
        assert group.get("max_lr", group["lr"]) == ours.net_.settings.lr
        assert (group["betas"], group["weight_decay"]) == (own["betas"], own["weight_decay"])


def test_options_of_the_loops_are_the_automatic_ones():
    automatic = resolve_settings(LeNetClassifier(), 10_000, seed=0)
    for name in ("lr", "label_smoothing", "dropout"):
        assert STEP_PARAMS[name] == getattr(automatic, name)
    assert STEP_PARAMS["weight_decay"] == pytest.approx(automatic.weight_decay, abs=0.01)


def test_both_loops_train_on_the_same_images(digits):
    X, y = (part[:5] for part in digits)
    one_by_one = torch.stack([image for image, _ in _Digits(X, y)])
    assert_allclose(one_by_one, standardise(torch.from_numpy(X)), atol=1e-6)
    assert [label for _, label in _Digits(X, y)] == y.tolist()


def test_official_example_trains_for_max_epochs(digits, monkeypatch):
    seen = []
    fetch = _Digits.__getitem__
    monkeypatch.setattr(_Digits, "__getitem__", lambda self, index: seen.append(index) or fetch(self, index))
    X, y = (part[:50] for part in digits)
    OfficialExample(3, 20).fit(X, y)
    assert sorted(seen) == sorted([*range(50)] * 3)


def test_tasks_with_a_row_are_not_repeated(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(processes, "run_module", lambda arguments, threads: calls.append(arguments) or {"seconds": 1.5})
    tasks = [({"round": number, "of": "x"}, ["module", str(number)], None) for number in range(3)]
    processes.run_tasks(tasks[:2], tmp_path / "rows.csv")
    processes.run_tasks(tasks, tmp_path / "rows.csv")
    assert calls == [["module", "0"], ["module", "1"], ["module", "2"]]


def test_results_are_written_to_their_columns(tmp_path, monkeypatch):
    figures = [{"preparation": 1.5, "training": 2.5}, {"training": 3.5}]
    monkeypatch.setattr(processes, "run_module", lambda arguments, threads: figures[int(arguments[0])])
    processes.run_tasks([({"of": str(number)}, [str(number)], None) for number in range(2)], tmp_path / "rows.csv")
    assert speed.pd.read_csv(tmp_path / "rows.csv")["training"].tolist() == [2.5, 3.5]


def test_process_has_the_requested_number_of_threads():
    code = "import os; assert os.environ['OMP_NUM_THREADS'] == '1'"
    assert processes.run_module(["timing.imports", code, ""], 1)["base_seconds"] < 60


def test_ratios_compare_the_same_round():
    rows = speed.pd.DataFrame(
        [
            {"round": number, "n_train": 1000, "contestant": name, "fit_seconds": seconds}
            for number, pair in enumerate([(1, 2), (3, 3), (8, 4)])
            for name, seconds in zip(("sklenet", "expert"), pair, strict=True)
        ]
    )
    ratios = speed._paired(rows, "fit_seconds", "expert", 1000)
    assert ratios.tolist() == [0.5, 1, 2]
    assert speed._spread(ratios) == "1.00 (0.50 to 2.00)"


def test_tables_of_a_stopped_run_have_empty_cells():
    keys = {"round": 0, "n_train": 60_000}
    figures = dict.fromkeys(
        ["first_fit_seconds", "fit_seconds", "growth_mb", "predict_seconds", "row_ms", "row_p99_ms", "error_rate"], 0.5
    )
    rows = speed.pd.DataFrame([keys | {"contestant": name} | figures for name in ("sklenet", "expert")])
    ratios = speed._ratio_table(rows)
    assert ratios["60,000 images"].tolist()[:3] == ["1.00 (1.00 to 1.00)", "", ""]
    assert not ratios["1,000 images"].any()
    assert speed._against_svc(rows).empty
    seconds = speed._seconds_table(rows).set_index("median of the rounds")
    assert seconds.loc["sklenet", "fit 60,000"] == "0.50 s"
    assert not seconds.loc["SVC(C=10)"].any()


def test_time_and_error_are_compared_with_the_support_vector_machine():
    rows = speed.pd.DataFrame(
        [
            {
                "round": 0,
                "n_train": 1000,
                "contestant": name,
                "fit_seconds": fit,
                "predict_seconds": 1,
                "error_rate": error,
            }
            for name, fit, error in (("recipe", 1, 0.01), ("one_epoch", 0, 0.015), ("svc", 9, 0.02))
        ]
    )
    expected = ["1,000", "5.0", "10.0", "1.00 %", "1.50 %", "2.00 %"]
    assert speed._against_svc(rows).to_numpy().tolist() == [expected]


def test_missed_target_accuracy_is_marked():
    rows = speed.pd.DataFrame(
        [
            {
                "target": target, "seed": seed, "threads": 2, "of": of, "preparation_seconds": 1.0,
                "training_seconds": seconds, "error_rate": error,
            }
            for target in (98.0, 99.0)
            for seed in range(2)
            for of, seconds, error in (("fast", 6.0, 0.015), ("expert", 2.0, np.nan))
        ]
    )  # fmt: skip
    table = speed._time_to_table(rows)
    assert table["mean test accuracy"].tolist() == ["98.50 %", "98.50 %, not reached"]
    assert table["in epochs of the expert's loop"].tolist() == ["3.00 (3.00 to 3.00)"] * 2


def test_time_of_a_step_is_divided_among_all_groups(monkeypatch):
    X, y = load_mnist_sample(subset="train", return_X_y=True)
    step = sys.modules["timing.step"]
    monkeypatch.setattr(step, "_N_STEPS", 4)
    monkeypatch.setattr(step, "load", lambda *_: recipes.Split(X, y, X, y))
    figures = measure()
    assert set(figures) == {"step", "at the peak", "all else", *GROUPS.values()}
    assert all(value > 0 for value in figures.values()), json.dumps(figures)


def test_validation_of_recipes_needs_no_test_images():
    X, y = load_mnist_sample(return_X_y=True)
    X, y = np.concatenate([X] * 4), np.concatenate([y] * 4)
    split = recipes._hold_out(recipes.Split(X, y, None, None))
    assert len(split.X_test) == 10_000
    assert len(split.X_train) + len(split.X_test) == len(X)


def test_candidate_is_named_by_the_changed_parameters():
    recipe = {"max_epochs": 3, "lr": 0.015}
    assert recipes._difference(recipe, recipe) == "as it is"
    assert recipes._difference({"max_epochs": 3, "dropout": 0.2}, recipe) == "dropout=0.2, lr=0.003"


def test_recipes_of_the_documentation_are_the_measured_ones():
    page = (recipes._RESULTS.parents[1] / "docs" / "recipes.md").read_text(encoding="utf-8")
    sources = [example.source for example in doctest.DocTestParser().get_examples(page)]
    for name, params in recipes.RECIPES.items():
        source = next(source for source in sources if source.startswith(f"{name} = "))
        assert eval(source.partition("= ")[2]).get_params() == LeNetClassifier(**params).get_params()  # noqa: S307
    one_epoch = ", ".join(f"{name}={value!r}" for name, value in (recipes.RECIPES["fast"] | recipes.ONE_EPOCH).items())
    assert f"`LeNetClassifier({one_epoch})`" in page
