"""The progress bar of a search."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from optuna.study import Study
from optuna.trial import TrialState
from tqdm.auto import tqdm

from sklenet.tuning._study import counted_trials

_SECONDS_BETWEEN_UPDATES = 0.5


@contextmanager
def trial_bar(study: Study, n_trials: int) -> Iterator[None]:
    """Show the number of counted trials of a study, of all processes, and the best score so far."""
    ended = threading.Event()
    with tqdm(total=n_trials, unit="trial", desc="LeNetSearchCV") as bar:

        def keep_updating() -> None:
            while not ended.wait(_SECONDS_BETWEEN_UPDATES):
                _update(bar, study)

        thread = threading.Thread(target=keep_updating, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            _update(bar, study)


def _update(bar: tqdm, study: Study) -> None:
    trials = counted_trials(study)
    scores = [trial.values[0] for trial in trials if trial.state == TrialState.COMPLETE]
    if scores:
        bar.set_postfix(best=f"{max(scores):.4f}", refresh=False)
    bar.update(len(trials) - bar.n)
