"""
Tune parameters with Optuna
===========================

The default parameters suit most data sets of characters. A search shows whether other parameters suit your data
better. You learn how :class:`~sklenet.tuning.LeNetSearchCV` searches parameters, how the search prunes trials with low
scores, and how to read Optuna's plots.
"""

# %%
# The search
# ----------
#
# Each trial draws a set of parameters and trains on two folds. The sampler uses the results of earlier trials, and a
# trial with lower scores than earlier trials is pruned. We search with few images, few epochs and few trials to keep
# the example short. A search for real use needs hundreds of images of each class and dozens of trials. Some of the
# trials do not converge in so few epochs. These trials have low scores, so we ignore the warnings.

import warnings

from sklearn.exceptions import ConvergenceWarning

from sklenet import LeNetClassifier
from sklenet.datasets import load_mnist_sample
from sklenet.tuning import LeNetSearchCV

X, y = load_mnist_sample(subset="train", return_X_y=True)
search = LeNetSearchCV(LeNetClassifier(max_epochs=10), n_trials=10, cv=2, random_state=0)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    search.fit(X[:300], y[:300])
print(
    {name: value if isinstance(value, str | None) else round(value, 4) for name, value in search.best_params_.items()}
)

# %%
# Ten epochs are too few for distorted images, so the search prefers a training without distortions here. With the
# default number of epochs, distortions lower the error, as the example on distortions shows. Search with the number
# of epochs that you are going to use.
#
# ``cv_results_`` has a row for each trial. A pruned trial has no mean score and has trained fewer epochs.

import pandas as pd

trials = pd.DataFrame(search.cv_results_)
columns = ["trial_state", "n_epochs", "param_lr", "mean_test_score"]
print(trials[columns].round(4).to_string())

# %%
# Plots of the search
# -------------------
#
# ``study_`` is a study of Optuna, so Optuna's plots can be used. The optimisation history shows the score of each
# complete trial and the best score so far.

import matplotlib.pyplot as plt
import optuna
from optuna.visualization.matplotlib import plot_intermediate_values, plot_optimization_history

warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # of plots with matplotlib
# sphinx_gallery_thumbnail_number = 2
plot_optimization_history(search.study_)
plt.show()

# %%
# The second plot shows the scores of each trial in the epochs of its folds. Lines that end early are pruned trials.

plot_intermediate_values(search.study_)
plt.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize="small")
plt.tight_layout()
plt.show()
