"""Tables, comparisons and the generated sentences."""

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


class FakeResults:
    """Results with given numbers of errors."""

    def __init__(self):
        self.results = Results()

    def add(self, cell, errors, *, n_train=500, n_jobs=1, fit_seconds=1.0, n_test=N_TEST, **circumstances):
        """Add a cell that misclassifies the first images or the given ones."""
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


@pytest.mark.slow
def test_verdicts_are_compared_tie_and_more_errors():
    fake = FakeResults().add(Cell("mnist", "lenet"), 20).add(Cell("mnist", "svm"), 24).add(Cell("mnist", "forest"), 100)
    (table,) = fake.tables
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


@pytest.mark.slow
def test_entry_of_lenet_is_fixed_before_its_errors_are_seen():
    fake = FakeResults().add(Cell("mnist", "lenet"), 90).add(Cell("mnist", "svm"), 50)
    fake.add(Cell("mnist", "lenet_plain"), 10).add(Cell("mnist", "lenet", form="tuned"), 20)
    (table,) = fake.tables
    assert table.lenet.title == "LeNet"
    assert {entry.title: table.verdict(entry) for entry in table.entries} == {
        "LeNet": "compared",
        "LeNet, no distortions": "",
        "LeNet, tuned": "",
        "SVM (RBF)": "fewer errors",
    }
    assert "makes more errors on MNIST" in conclusions.answer(fake.tables)[0]
    assert "LeNet makes more errors than SVM (RBF)" in table.compare(table.best_other).sentence


@pytest.mark.slow
def test_correction_counts_the_comparisons_of_lenet_only():
    fake = FakeResults().add(Cell("digits", "lenet"), 1, n_test=450).add(Cell("digits", "lenet_plain"), 2, n_test=450)
    for model in list(MODELS)[-3:]:
        fake.add(Cell("digits", model), 12, n_test=450)
    (table,) = fake.tables
    raw = mcnemar_p(table.lenet.wrong[0], table.best_other.wrong[0])
    assert table.n_comparisons == 3
    assert table.compare(table.best_other).p == pytest.approx(3 * raw)


def test_table_without_lenet_has_no_comparisons():
    (table,) = FakeResults().add(Cell("mnist", "svm"), 20).add(Cell("mnist", "forest"), 50).tables
    assert table.lenet is None
    assert [table.verdict(entry) for entry in table.entries] == ["", ""]
    with pytest.raises(ValueError, match="compares a LeNet with other classifiers"):
        table.compare(table.entries[0])


@pytest.mark.slow
def test_mean_over_seeds_must_agree_with_the_test():
    fake = FakeResults().add(Cell("mnist", "svm"), 20)
    fake.add(Cell("mnist", "lenet"), 5).add(Cell("mnist", "lenet", seed=1), 55)
    (table,) = fake.tables
    assert table.lenet.error_rate == pytest.approx(0.03)
    comparison = table.compare(table.best_other)
    assert comparison.p < 0.05
    assert not comparison.is_clear  # the first seed has fewer errors, the mean of both has more


@pytest.mark.slow
def test_folds_are_compared_by_the_corrected_t_test():
    fake = FakeResults()
    for fold in range(4):
        fake.add(Cell("digits", "lenet", fold=fold, n_folds=4), 10 + fold, n_train=300 + fold % 2, n_test=100)
        fake.add(Cell("digits", "knn", fold=fold, n_folds=4), 30 - fold, n_train=300 + fold % 2, n_test=100)
    (table,) = fake.tables
    assert "corrected t-test" in table.compare(table.best_other).sentence
    assert table.verdict(table.best_other) == "more errors"
    assert table.entries[0].interval[1] - table.entries[0].interval[0] < 0.1  # of 400 images


def test_main_table_has_the_most_training_images():
    fake = FakeResults()
    for size in (None, 100, 300):
        fake.add(Cell("mnist", "lenet", train_size=size), 10).add(Cell("mnist", "svm", train_size=size), 10)
    fake.add(Cell("mnist_corrupted", "lenet"), 10, n_test=19 * 50)
    assert [(table.dataset, table.n_train) for table in main_tables(fake.tables)] == [("mnist", 500)]
    assert curve_errors(fake.tables, "mnist").index.tolist() == [100, 300, 500]


@pytest.mark.parametrize(
    ("on_strokes", "on_pictures", "message"),
    [
        ((10, 60), (90, 30), "does not carry over to other pictures"),
        ((10, 60), (50, 52), "the tests show no advantage"),
        ((10, 60), (5, 60), "carries over to other pictures undiminished"),
        ((10, 60), (30, 90), "some of the advantage remains"),
    ],
)
@pytest.mark.slow
def test_generalisation_follows_the_error_rates(on_strokes, on_pictures, message):
    fake = FakeResults()
    for dataset, errors in ("mnist", on_strokes), ("fashion_mnist", on_pictures):
        for model, number in zip(("lenet", "svm"), errors, strict=True):
            fake.add(Cell(dataset, model), number)
    assert message in conclusions.generalisation(fake.tables)[0]


@pytest.mark.slow
def test_unmeasured_subjects_have_no_conclusion():
    fake = FakeResults().add(Cell("mnist", "lenet"), 10, n_jobs=2).add(Cell("mnist", "svm"), 60, n_jobs=2)
    strokes, pictures, cost = conclusions.answer(fake.tables)
    assert strokes.endswith("makes fewer errors on MNIST.")
    assert "nothing was measured" in pictures
    assert "times are not compared" in cost
    assert conclusions.generalisation(fake.tables) == []
    assert conclusions.curves(fake.tables) == []


@pytest.mark.parametrize("other", [{"cpu": "two"}, {"threads": 1}, {"git_revision": "b"}])
@pytest.mark.slow
def test_times_of_other_circumstances_are_not_compared(other):
    fake = FakeResults().add(Cell("mnist", "lenet"), 10).add(Cell("mnist", "svm"), 60, **other)
    assert "times are not compared" in conclusions.answer(fake.tables)[2]
    # The mean time over two seeds is undefined if they were measured under two circumstances.
    fake = FakeResults().add(Cell("mnist", "lenet"), 10).add(Cell("mnist", "lenet", seed=1), 10, **other)
    fake.add(Cell("mnist", "svm"), 60)
    assert "times are not compared" in conclusions.answer(fake.tables)[2]
    fake.add(Cell("mnist", "forest"), 90, **other).add(Cell("mnist", "lenet_plain"), 5, **other)
    assert "random forest (9.00 % errors)" in conclusions.answer(fake.tables)[2]


@pytest.mark.slow
def test_times_of_several_runs_are_not_drawn_together():
    fake = FakeResults().add(Cell("mnist", "lenet"), 10, threads=1).add(Cell("mnist", "svm"), 60)
    fake.add(Cell("mnist", "forest"), 90).add(Cell("mnist", "knn"), 80)
    for record in fake.results.records:
        record["predict_seconds"] = 1.0  # a logarithmic axis has no zero
    (table,) = fake.tables
    (figure,) = figures.times(table)
    assert sorted(set(figure.data["classifier"])) == ["SVM (RBF)", "k nearest neighbours", "random forest"]


@pytest.mark.parametrize(("fit_seconds", "ratio"), [(4.0, "4.0 times as fast"), (0.5, "2.0 times as slow")])
@pytest.mark.slow
def test_cost_compares_classifiers_that_were_timed_alone(fit_seconds, ratio):
    fake = FakeResults().add(Cell("mnist", "lenet"), 10).add(Cell("mnist", "svm"), 60, fit_seconds=fit_seconds)
    fake.add(Cell("mnist", "forest"), 20, n_jobs=2, fit_seconds=100)
    cost = conclusions.answer(fake.tables)[2]
    assert cost.startswith("On MNIST, 500 training images, SVM (RBF) (6.00 % errors) takes")
    assert cost.endswith(f"; LeNet (1.00 % errors) takes 1 s, {ratio}.")


def test_curves_name_the_sizes_where_another_classifier_is_ahead():
    fake = FakeResults()
    for size, ours, theirs in (100, 50, 40), (300, 20, 30):
        fake.add(Cell("mnist", "lenet", train_size=size), ours).add(Cell("mnist", "svm", train_size=size), theirs)
    (sentence,) = conclusions.curves(fake.tables)
    assert "LeNet is ahead of the other classifiers except at 100 (SVM (RBF) 4.00 %, LeNet 5.00 %)." in sentence
    assert sentence.endswith(". LeNet overtakes SVM (RBF) between 100 and 300.")
    fake.add(Cell("mnist", "lenet_plain", train_size=100), 30).add(Cell("mnist", "lenet_plain", train_size=300), 30)
    (sentence,) = conclusions.curves(fake.tables)
    # The better curve of another LeNet does not change the sentence.
    assert "LeNet is ahead of the other classifiers except at 100 (SVM (RBF) 4.00 %, LeNet 5.00 %)." in sentence
    assert "LeNet overtakes LeNet, no distortions between 100 and 300" in sentence


def test_curves_without_crossings():
    fake = FakeResults()
    for size, ours, theirs in (100, 30, 40), (300, 20, 30):
        fake.add(Cell("mnist", "lenet", train_size=size), ours).add(Cell("mnist", "svm", train_size=size), theirs)
    (sentence,) = conclusions.curves(fake.tables)
    sizes = "MNIST, from 100 to 300 training images"
    assert sentence == f"{sizes}: LeNet is ahead of the other classifiers at every size. No curves cross."


def test_corruptions_are_blocks_of_the_test_images():
    n_block = 10
    noise = CONDITIONS.index("noise 0.4")
    wrong = np.arange(noise * n_block, noise * n_block + 5)
    fake = FakeResults().add(Cell("mnist_corrupted", "lenet"), wrong, n_test=len(CONDITIONS) * n_block)
    fake.add(Cell("mnist_corrupted", "svm"), 0, n_test=len(CONDITIONS) * n_block)
    (table,) = fake.tables
    errors = condition_errors(table)
    assert errors.loc["LeNet", "noise 0.4"] == 0.5
    assert errors.loc["LeNet"].sum() == 0.5
    (text,) = conclusions.generalisation(fake.tables)
    assert "more errors under noise 0.4 (50.00 % against 0.00 %)" in text
    assert "Its error rate is highest under noise 0.4: 50.00 %" in text


@pytest.mark.slow
def test_transfer_is_reported_with_the_error_on_the_training_source():
    fake = FakeResults().add(Cell("mnist", "lenet", train_size=300), 10).add(Cell("mnist", "svm", train_size=300), 60)
    fake.add(Cell("mnist_to_digits", "lenet", train_size=300), 100)
    fake.add(Cell("mnist_to_digits", "svm", train_size=300), 300)
    (text,) = conclusions.generalisation(fake.tables)
    assert "MNIST → digits" in text
    assert "ahead: LeNet 10.00 %, SVM (RBF) 30.00 %; LeNet on test images of the training source 1.00 %" in text
