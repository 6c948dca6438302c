"""Choosing a LeNet's parameters, by Optuna inside and scikit-learn outside."""

from sklenet.tuning._search import LeNetSearchCV
from sklenet.tuning._space import suggest_params

__all__ = ["LeNetSearchCV", "suggest_params"]
