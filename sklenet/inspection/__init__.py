"""Displays of what a classifier of images gets wrong, and of what a network sees, in scikit-learn's conventions."""

from sklenet.inspection._confused import most_confused
from sklenet.inspection._feature_maps import FeatureMapDisplay
from sklenet.inspection._filters import FilterDisplay
from sklenet.inspection._mistakes import MistakesDisplay
from sklenet.inspection._occlusion import OcclusionDisplay
from sklenet.inspection._reliability import ReliabilityDisplay
from sklenet.inspection._training_curve import TrainingCurveDisplay

__all__ = [
    "FeatureMapDisplay",
    "FilterDisplay",
    "MistakesDisplay",
    "OcclusionDisplay",
    "ReliabilityDisplay",
    "TrainingCurveDisplay",
    "most_confused",
]
