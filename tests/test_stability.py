"""The page on stability lists the public interface, each name once."""

import re
from importlib import import_module
from inspect import signature
from pathlib import Path
from pkgutil import resolve_name

import pytest

import sklenet

PAGE = (Path(__file__).parents[1] / "docs" / "stability.md").read_text(encoding="utf-8")
# The names of each module: promised, provisional.
ROWS = {
    module: [re.findall(r"`(\w+)`", cell) for cell in cells]
    for module, *cells in re.findall(r"^\| `(sklenet[\w.]*)` \|([^|]*)\|([^|]*)\|$", PAGE, re.MULTILINE)
}
METHODS = {"fit", "partial_fit", "save", "load", "from_estimator", "from_predictions", "plot"}
SUBPACKAGES = sorted(set(dir(sklenet)) - set(sklenet.__all__))


def test_every_module_is_listed():
    assert list(ROWS) == ["sklenet", *(f"sklenet.{name}" for name in SUBPACKAGES)]


@pytest.mark.parametrize("module", ROWS)
def test_names_are_those_of_the_module(module):
    promised, provisional = ROWS[module]
    assert sorted([*promised, *provisional]) == sorted(import_module(module).__all__)


# What may be passed by position. Everything else must be passed by name.
POSITIONAL = {
    "sklenet.LeNet5": ["n_classes"],
    "sklenet.LeNetClassifier": [],
    "sklenet.LeNetClassifier.fit": ["self", "X", "y", "sample_weight"],
    "sklenet.LeNetClassifier.partial_fit": ["self", "X", "y", "classes", "sample_weight"],
    "sklenet.LeNetClassifier.save": ["self", "path"],
    "sklenet.LeNetClassifier.load": ["path"],
    "sklenet.LeNetNoveltyDetector": ["estimator"],
    "sklenet.RejectingClassifier": ["estimator"],
    "sklenet.datasets.fetch_dataset": ["name"],
    "sklenet.datasets.list_datasets": ["data_home"],
    "sklenet.datasets.load_image_folder": ["path"],
    "sklenet.datasets.load_mnist_sample": [],
    "sklenet.datasets.load_pixel_csv": ["path"],
    "sklenet.datasets.make_characters": ["n_samples"],
    "sklenet.export.register_onnx_converter": [],
    "sklenet.export.to_html": ["estimator", "path"],
    "sklenet.export.to_onnx": ["estimator", "path"],
    "sklenet.inspection.FeatureMapDisplay": ["maps"],
    "sklenet.inspection.FeatureMapDisplay.from_estimator": ["estimator", "X"],
    "sklenet.inspection.FilterDisplay": ["filters"],
    "sklenet.inspection.FilterDisplay.from_estimator": ["estimator"],
    "sklenet.inspection.MistakesDisplay": ["images"],
    "sklenet.inspection.MistakesDisplay.from_estimator": ["estimator", "X", "y"],
    "sklenet.inspection.MistakesDisplay.from_predictions": ["X", "y_true", "y_pred"],
    "sklenet.inspection.MistakesDisplay.plot": ["self", "ax"],
    "sklenet.inspection.OcclusionDisplay": ["images", "maps"],
    "sklenet.inspection.OcclusionDisplay.from_estimator": ["estimator", "X"],
    "sklenet.inspection.ReliabilityDisplay": [],
    "sklenet.inspection.ReliabilityDisplay.from_estimator": ["estimator", "X", "y"],
    "sklenet.inspection.ReliabilityDisplay.from_predictions": ["y_true", "y_proba"],
    "sklenet.inspection.TrainingCurveDisplay": ["loss_curve"],
    "sklenet.inspection.TrainingCurveDisplay.from_estimator": ["estimator"],
    "sklenet.inspection.most_confused": ["y_true", "y_pred"],
    "sklenet.preprocessing.CharacterFramer": [],
    "sklenet.preprocessing.CharacterPage": ["picture", "boxes", "images", "lines", "is_touching"],
    "sklenet.preprocessing.CharacterSheet": ["picture", "corners", "images", "is_empty"],
    "sklenet.preprocessing.cut_sheet": ["picture", "n_rows", "n_columns"],
    "sklenet.preprocessing.find_characters": ["picture"],
    "sklenet.tuning.LeNetSearchCV": ["estimator"],
    "sklenet.tuning.suggest_params": ["trial"],
}


def test_every_public_callable_has_a_row():
    names = {f"{module}.{name}" for module in ROWS for name in import_module(module).__all__}
    assert {name for name in names if callable(resolve_name(name))} == {
        name for name in POSITIONAL if name.rpartition(".")[2] not in METHODS
    }


@pytest.mark.parametrize("name", POSITIONAL)
def test_options_are_passed_by_name(name):
    parameters = signature(resolve_name(name)).parameters.values()
    fixed = [each.name for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    assert fixed == POSITIONAL[name]
    assert not any(each.kind == each.POSITIONAL_ONLY for each in parameters)
