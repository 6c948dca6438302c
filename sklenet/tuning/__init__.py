"""Search for the parameters of a LeNetClassifier with Optuna, through scikit-learn's interface."""

from sklenet.tuning._search import LeNetSearchCV
from sklenet.tuning._space import suggest_params

__all__ = ["LeNetSearchCV", "suggest_params"]
