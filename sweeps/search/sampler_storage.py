"""Store trials in memory for Optuna's samplers, and show each sampler what it can use."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from optuna.distributions import check_distribution_compatibility
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweeps.search.trial_selection import Selection, TrialSelector


class SamplerStorage(InMemoryStorage):
    """Optuna's storage in memory, from which the newest trial can be removed.

    While a sampler draws, it shows no more trials than that sampler can use in a short time.
    """

    def __init__(self, directions: Sequence[StudyDirection]) -> None:
        super().__init__()
        # Trials have no order by several objectives: samplers see all of them.
        self._selector = TrialSelector(directions[0]) if len(directions) == 1 else None
        self._selection: Selection | None = None
        self._paused: set[int] = set()

    @contextmanager
    def shown_to(self, sampler: BaseSampler) -> Iterator[None]:
        """Show only the trials selected for a sampler, and the one it draws, within a block."""
        if self._selector is not None:
            self._selector.prepare(sampler)
            self._selection = self._selector.select(sampler)
        if self._selection is not None:
            self._selection.prepare(sampler)
        try:
            yield
        finally:
            self._selection = None

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """List the trials that are shown now, in order of their numbers."""
        if self._selection is None or states == (TrialState.WAITING,):
            return super().get_all_trials(study_id, deepcopy, states)
        trials = self._studies[study_id].trials
        newest = trials[-1]  # the one being drawn: not reported yet, so not among the selected
        seen = [trials[number] for number in self._selection.numbers] + [newest]
        return [trial for trial in seen if states is None or trial.state in states]

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Create a trial as Optuna does, and rank it."""
        trial = self._get_trial(created := super().create_new_trial(study_id, template_trial))
        self._order(trial)
        return created

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """Set a trial's state and values as Optuna does, and rank it."""
        changed = super().set_trial_state_values(trial_id, state, values)
        self._order(self._get_trial(trial_id))
        return changed

    def _order(self, trial: FrozenTrial) -> None:
        if self._selector is None:
            return
        if trial.state is TrialState.RUNNING:
            self._selector.running(trial.number)
        elif trial.state.is_finished():
            self._selector.finished(trial)

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: Any
    ) -> None:
        """Set a parameter in place: no one else holds the trial, and copies take most of the time.

        Raises:
            ValueError: another trial has drawn the parameter from an incompatible distribution.
        """
        with self._lock:
            study, number = self._trial_id_to_study_id_and_number[trial_id]
            distributions = self._studies[study].param_distribution
            if param_name in distributions:
                check_distribution_compatibility(distributions[param_name], distribution)
            distributions[param_name] = distribution
            trial = self._studies[study].trials[number]
            trial.params[param_name] = distribution.to_external_repr(param_value_internal)
            trial.distributions[param_name] = distribution

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        """Set an epoch's value in place; Optuna would copy the trial for each."""
        with self._lock:
            trial = self._get_trial(trial_id)
            self.check_trial_is_updatable(trial_id, trial.state)
            trial.intermediate_values[step] = intermediate_value

    def pause(self, trial_id: int) -> None:
        """Show a running trial as pruned, but not in a sweep with several objectives.

        Such a trial would need a value of each, and has only the first.
        """
        if self._selector is None:
            return
        trial = self._get_trial(trial_id)
        self._paused.add(trial_id)
        trial.state = TrialState.PRUNED
        self._selector.finished(trial)

    def resume(self, trial_id: int) -> None:
        """Show a paused trial as running again."""
        if trial_id in self._paused:
            self._paused.remove(trial_id)
            trial = self._get_trial(trial_id)
            assert self._selector is not None
            self._selector.resumed(trial)
            trial.state = TrialState.RUNNING

    def take(self, study: int, trial: FrozenTrial) -> int:
        """Add a trial that no one else holds, without Optuna's copy of it; returns its id."""
        with self._lock:
            trials = self._studies[study].trials
            self._max_trial_id += 1
            trial.number, trial._trial_id = len(trials), self._max_trial_id
            self._trial_id_to_study_id_and_number[trial._trial_id] = (study, trial.number)
            trials.append(trial)
            self._update_cache(trial._trial_id, study)
            self._order(trial)
            return trial._trial_id

    @property
    def newest(self) -> int:
        """Return the id of the newest trial; below 0 if there is none."""
        return self._max_trial_id

    def forget(self, trial: int) -> None:
        """Remove the newest trial, as if it had never been drawn."""
        with self._lock:
            study, number = self._trial_id_to_study_id_and_number.pop(trial)
            trials = self._studies[study].trials
            if self._selector is not None:
                self._selector.forget(number)
            assert number == len(trials) - 1, "only the newest trial can be removed"
            trials.pop()
            self._max_trial_id -= 1
            self._prev_waiting_trial_number[study] = number
