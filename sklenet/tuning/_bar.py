"""The progress bar of a search."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from optuna.study import Study
from optuna.trial import TrialState
from tqdm.auto import tqdm

from sklenet.tuning._study import finished

_SECONDS_BETWEEN_LOOKS = 0.5


@contextmanager
def trial_bar(study: Study, n_trials: int) -> Iterator[None]:
    """Show how many trials of a study are finished, in whatever process, and the best score so far."""
    over = threading.Event()
    with tqdm(total=n_trials, unit="trial", desc="LeNetSearchCV") as bar:

        def follow() -> None:
            while not over.wait(_SECONDS_BETWEEN_LOOKS):
                _update(bar, study)

        follower = threading.Thread(target=follow, daemon=True)
        follower.start()
        try:
            yield
        finally:
            over.set()
            follower.join()
            _update(bar, study)


def _update(bar: tqdm, study: Study) -> None:
    trials = finished(study)
    if len(trials) == bar.n:
        return
    scores = [trial.values[0] for trial in trials if trial.state == TrialState.COMPLETE]
    if scores:
        bar.set_postfix(best=f"{max(scores):.4f}", refresh=False)
    bar.update(len(trials) - bar.n)
