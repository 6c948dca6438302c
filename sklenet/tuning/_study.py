"""The study that workers share: create or resume it, count its trials, copy it to memory."""

from collections.abc import Mapping

import optuna
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from sklenet.tuning._evaluation import CAUSE
from sklenet.tuning._identity import bind_to_search, hash_arrays
from sklenet.tuning._quiet import quiet


def open_study(storage: BaseStorage, name: str | None, hashes: Mapping[str, str]) -> Study:
    """Create a study, or resume the study of that name.

    Parameters
    ----------
    storage : optuna.storages.BaseStorage
    name : str or None
        None derives the name from the hashes.
    hashes : mapping of str to str
        Hashes of everything that must be equal for scores to be comparable.

    Raises
    ------
    ValueError
        If the study belongs to another search.
    """
    name = name or f"sklenet-{hash_arrays(*hashes.values())}"
    with quiet():
        study = optuna.create_study(storage=storage, study_name=name, direction="maximize", load_if_exists=True)
    bind_to_search(study, hashes)
    return study


def counted_trials(study: Study) -> list[FrozenTrial]:
    """Return the trials that count towards `n_trials`, in the order of their numbers."""
    return [trial for trial in study.get_trials(deepcopy=False) if is_counted(trial)]


def is_counted(trial: FrozenTrial) -> bool:
    """Return whether a trial was completed, pruned, or failed by its own error; trials of dead workers do not count."""
    failed = trial.state == TrialState.FAIL and CAUSE in trial.user_attrs
    return failed or trial.state in (TrialState.COMPLETE, TrialState.PRUNED)


def copy_to_memory(study: Study, storage: BaseStorage) -> Study:
    """Copy a study to memory, where it outlives its storage and carries no password."""
    memory = InMemoryStorage()
    with quiet():
        optuna.copy_study(from_study_name=study.study_name, from_storage=storage, to_storage=memory)
        return optuna.load_study(study_name=study.study_name, storage=memory)
