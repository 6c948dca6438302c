"""Tables, comparisons, and the words that figures choose."""

import numpy as np
import pytest

from comparison import conclusions, figures
from comparison.analysis import condition_errors, curve_errors, main_tables, tables
from comparison.corruptions import CONDITIONS
from comparison.models import MODELS
from comparison.protocol import Cell
from comparison.statistics import mcnemar_p
from comparison.store import HeldOut, Results, held_out_name

N_TEST = 1000


class Made:
    """Results with given numbers of errors."""

    def __init__(self):
        self.results = Results()

    def add(self, cell, errors, *, n_train=500, n_jobs=1, fit_seconds=1.0, n_test=N_TEST, **circumstances):
        """A cell that errs on the first images, or on those named."""
        labels = np.arange(n_test) % 2
        wrong = np.arange(errors) if isinstance(errors, int) else errors
        predicted = labels.copy()
        predicted[wrong] = 1 - predicted[wrong]
        self.results.tests[held_out_name(cell)] = HeldOut(labels, ["a", "b"], np.arange(0), np.zeros((0, 4), np.uint8))
        self.results.predicted[cell] = predicted
        record = (
            vars(cell)
            | {
                "status": "ok",
                "n_train": cell.train_size or n_train,
                "n_test": n_test,
                "n_jobs": n_jobs,
                "cpu": "one",
                "threads": 2,
                "git_revision": "a",
            }
            | circumstances
        )
        self.results.records.append(record | {"fit_seconds": fit_seconds, "predict_seconds": 0.0})
        return self

    @property
    def tables(self):
        return tables(self.results)


def test_first_tie_and_behind():
    made = Made().add(Cell("mnist", "lenet"), 20).add(Cell("mnist", "svm"), 24).add(Cell("mnist", "forest"), 100)
    (table,) = made.tables
    assert [(entry.title, table.verdict(entry)) for entry in table.entries] == [
        ("LeNet", "compared"),
        ("SVM (RBF)", "tie"),
        ("random forest", "more errors"),
    ]
    comparison = table.compare(table.entries[2])
    assert table.n_comparisons == 2
    assert comparison.sentence.startswith(
        "MNIST, 500 training images: LeNet makes fewer errors than random forest "
        "(2.00 % against 10.00 %, difference -8.00 points, 95 % from -9."
    )
    assert "exact McNemar test, p < 0.001 after Holm's correction for 2 comparisons" in comparison.sentence
    assert "LeNet and SVM (RBF) tie" in table.compare(table.entries[1]).sentence


def test_lenets_entry_is_fixed_before_its_errors_are_seen():
    made = Made().add(Cell("mnist", "lenet"), 90).add(Cell("mnist", "svm"), 50)
    made.add(Cell("mnist", "lenet_affine"), 10).add(Cell("mnist", "lenet", form="tuned"), 20)
    (table,) = made.tables
    assert table.lenet.title == "LeNet"
    assert {entry.title: table.verdict(entry) for entry in table.entries} == {
        "LeNet": "compared",
        "LeNet, affine": "",
        "LeNet, tuned": "",
        "SVM (RBF)": "fewer errors",
    }
    assert "makes more errors on MNIST" in conclusions.answer(made.tables)[0]
    assert "LeNet makes more errors than SVM (RBF)" in table.compare(table.best_other).sentence


def test_the_correction_is_for_the_comparisons_of_lenet_alone():
    made = Made().add(Cell("digits", "lenet"), 1, n_test=450).add(Cell("digits", "lenet_affine"), 2, n_test=450)
    for model in list(MODELS)[-3:]:
        made.add(Cell("digits", model), 12, n_test=450)
    (table,) = made.tables
    raw = mcnemar_p(table.lenet.wrong[0], table.best_other.wrong[0])
    assert table.n_comparisons == 3
    assert table.compare(table.best_other).p == pytest.approx(3 * raw)


def test_a_table_without_lenet_compares_nothing():
    (table,) = Made().add(Cell("mnist", "svm"), 20).add(Cell("mnist", "forest"), 50).tables
    assert table.lenet is None
    assert [table.verdict(entry) for entry in table.entries] == ["", ""]
    with pytest.raises(ValueError, match="compares a LeNet with other classifiers"):
        table.compare(table.entries[0])


def test_seeds_are_averaged_and_must_agree_with_the_test():
    made = Made().add(Cell("mnist", "svm"), 20)
    made.add(Cell("mnist", "lenet"), 5).add(Cell("mnist", "lenet", seed=1), 55)
    (table,) = made.tables
    assert table.lenet.error_rate == pytest.approx(0.03)
    comparison = table.compare(table.best_other)
    assert comparison.p < 0.05
    assert not comparison.is_clear  # the first seed has fewer errors, both together more


def test_folds_are_compared_by_the_corrected_t_test():
    made = Made()
    for fold in range(4):
        made.add(Cell("digits", "lenet", fold=fold, n_folds=4), 10 + fold, n_train=300 + fold % 2, n_test=100)
        made.add(Cell("digits", "knn", fold=fold, n_folds=4), 30 - fold, n_train=300 + fold % 2, n_test=100)
    (table,) = made.tables
    assert "corrected t-test" in table.compare(table.best_other).sentence
    assert table.verdict(table.best_other) == "more errors"
    assert table.entries[0].interval[1] - table.entries[0].interval[0] < 0.1  # of 400 images


def test_the_table_with_the_most_training_images_is_the_main_one():
    made = Made()
    for size in (None, 100, 300):
        made.add(Cell("mnist", "lenet", train_size=size), 10).add(Cell("mnist", "svm", train_size=size), 10)
    made.add(Cell("mnist_corrupted", "lenet"), 10, n_test=19 * 50)
    assert [(table.dataset, table.n_train) for table in main_tables(made.tables)] == [("mnist", 500)]
    assert curve_errors(made.tables, "mnist").index.tolist() == [100, 300, 500]


@pytest.mark.parametrize(
    ("on_strokes", "on_pictures", "words"),
    [
        ((10, 60), (90, 30), "does not carry over to other pictures"),
        ((10, 60), (50, 52), "no difference can be shown"),
        ((10, 60), (5, 60), "carries over to other pictures undiminished"),
        ((10, 60), (30, 90), "some of the advantage remains"),
    ],
)
def test_generalisation_is_worded_by_the_figures(on_strokes, on_pictures, words):
    made = Made()
    for dataset, errors in ("mnist", on_strokes), ("fashion_mnist", on_pictures):
        for model, number in zip(("lenet", "svm"), errors, strict=True):
            made.add(Cell(dataset, model), number)
    assert words in conclusions.generalisation(made.tables)[0]


def test_nothing_is_said_of_what_was_not_measured():
    made = Made().add(Cell("mnist", "lenet"), 10, n_jobs=2).add(Cell("mnist", "svm"), 60, n_jobs=2)
    strokes, pictures, cost = conclusions.answer(made.tables)
    assert strokes.endswith("makes fewer errors on MNIST.")
    assert "nothing was measured" in pictures
    assert "nothing is said of time" in cost
    assert conclusions.generalisation(made.tables) == []
    assert conclusions.curves(made.tables) == []


@pytest.mark.parametrize("other", [{"cpu": "two"}, {"threads": 1}, {"git_revision": "b"}])
def test_times_of_other_circumstances_are_not_compared(other):
    made = Made().add(Cell("mnist", "lenet"), 10).add(Cell("mnist", "svm"), 60, **other)
    assert "nothing is said of time" in conclusions.answer(made.tables)[2]
    # Seeds of one classifier under two circumstances have no time in common.
    made = Made().add(Cell("mnist", "lenet"), 10).add(Cell("mnist", "lenet", seed=1), 10, **other)
    made.add(Cell("mnist", "svm"), 60)
    assert "nothing is said of time" in conclusions.answer(made.tables)[2]
    made.add(Cell("mnist", "forest"), 90, **other).add(Cell("mnist", "lenet_affine"), 5, **other)
    assert "random forest (9.00 % errors)" in conclusions.answer(made.tables)[2]


def test_times_of_several_runs_are_not_drawn_together():
    made = Made().add(Cell("mnist", "lenet"), 10, threads=1).add(Cell("mnist", "svm"), 60)
    made.add(Cell("mnist", "forest"), 90).add(Cell("mnist", "knn"), 80)
    for record in made.results.records:
        record["predict_seconds"] = 1.0  # a logarithmic axis has no zero
    (table,) = made.tables
    (figure,) = figures.times(table)
    assert sorted(set(figure.data["classifier"])) == ["SVM (RBF)", "k nearest neighbours", "random forest"]


@pytest.mark.parametrize(("fit_seconds", "words"), [(4.0, "4.0 times as fast"), (0.5, "2.0 times as slow")])
def test_cost_is_told_of_what_was_timed_alone(fit_seconds, words):
    made = Made().add(Cell("mnist", "lenet"), 10).add(Cell("mnist", "svm"), 60, fit_seconds=fit_seconds)
    made.add(Cell("mnist", "forest"), 20, n_jobs=2, fit_seconds=100)
    cost = conclusions.answer(made.tables)[2]
    assert cost.startswith("On MNIST, 500 training images, SVM (RBF) (6.00 % errors) takes")
    assert cost.endswith(f"; LeNet (1.00 % errors) takes 1 s, {words}.")


def test_curves_say_where_another_is_ahead():
    made = Made()
    for size, ours, theirs in (100, 50, 40), (300, 20, 30):
        made.add(Cell("mnist", "lenet", train_size=size), ours).add(Cell("mnist", "svm", train_size=size), theirs)
    (sentence,) = conclusions.curves(made.tables)
    assert "LeNet is ahead of the other classifiers except at 100 (SVM (RBF) 4.00 %, LeNet 5.00 %)." in sentence
    assert sentence.endswith(". LeNet overtakes SVM (RBF) between 100 and 300.")
    made.add(Cell("mnist", "lenet_affine", train_size=100), 30).add(Cell("mnist", "lenet_affine", train_size=300), 30)
    (sentence,) = conclusions.curves(made.tables)
    # Not excused by a LeNet that was better.
    assert "LeNet is ahead of the other classifiers except at 100 (SVM (RBF) 4.00 %, LeNet 5.00 %)." in sentence
    assert "LeNet overtakes LeNet, affine between 100 and 300" in sentence


def test_curves_that_do_not_cross():
    made = Made()
    for size, ours, theirs in (100, 30, 40), (300, 20, 30):
        made.add(Cell("mnist", "lenet", train_size=size), ours).add(Cell("mnist", "svm", train_size=size), theirs)
    (sentence,) = conclusions.curves(made.tables)
    sizes = "MNIST, from 100 to 300 training images"
    assert sentence == f"{sizes}: LeNet is ahead of the other classifiers at every size. No curves cross."


def test_corruptions_are_blocks_of_the_test_images():
    n_block = 10
    noise = CONDITIONS.index("noise 0.4")
    blurred = np.arange(noise * n_block, noise * n_block + 5)
    made = Made().add(Cell("mnist_corrupted", "lenet"), blurred, n_test=len(CONDITIONS) * n_block)
    made.add(Cell("mnist_corrupted", "svm"), 0, n_test=len(CONDITIONS) * n_block)
    (table,) = made.tables
    errors = condition_errors(table)
    assert errors.loc["LeNet", "noise 0.4"] == 0.5
    assert errors.loc["LeNet"].sum() == 0.5
    (text,) = conclusions.generalisation(made.tables)
    assert "behind it under noise 0.4 (50.00 % against 0.00 %)" in text
    assert "suffers most from noise 0.4" in text


def test_transfer_is_told_beside_the_error_at_home():
    made = Made().add(Cell("mnist", "lenet", train_size=300), 10).add(Cell("mnist", "svm", train_size=300), 60)
    made.add(Cell("mnist_to_digits", "lenet", train_size=300), 100)
    made.add(Cell("mnist_to_digits", "svm", train_size=300), 300)
    (text,) = conclusions.generalisation(made.tables)
    assert "MNIST → digits" in text
    assert "ahead: LeNet 10.00 %, SVM (RBF) 30.00 %; LeNet on test images of its own source 1.00 %" in text
