"""Hold a sweep's trials in memory as Optuna's samplers see them.

The record and what samplers should see differ for an infeasible trial. On record it has failed.
Samplers ignore failed trials, and would propose similar ones again and again; so here it is
complete, violates a constraint, and is worse than all that were scored before it. (TPE and
NSGA-II use the constraint, CMA-ES the value, GP both, and GP needs the constraint of every
complete trial.)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study as OptunaStudy
from optuna.study import StudyDirection
from optuna.trial import FixedTrial, FrozenTrial, TrialState, create_trial

from sweeps.search import fast_random
from sweeps.search.sampler_storage import SamplerStorage
from sweeps.space.space import Space
from sweeps.trials import Objective, State, TrialRecord
from trainers.errors import ConfigError, class_and_first_line

#: Optuna's prefix for a constraint of a trial, which is violated above 0.
_CONSTRAINT = "constraints"
_INFEASIBLE = "infeasible"


class SamplerMemory:
    """Describes trials in memory as samplers see them, identified by their Optuna ids."""

    def __init__(self, directions: Sequence[StudyDirection]) -> None:
        self._storage = SamplerStorage(directions)
        self.optuna: OptunaStudy = optuna.create_study(storage=self._storage, directions=directions)
        self._maximize = [direction is StudyDirection.MAXIMIZE for direction in directions]
        self._scores: list[tuple[float, float]] = []  # lowest and highest, of each objective
        self._constrained = False  # whether any trial is infeasible
        self._raised: Exception | None = None  # by a sampler that was told how a trial ended
        self._fed = 0  # number of trials of previous sweeps, which come first

    def draw(
        self, sampler: BaseSampler, space: Space, point: Mapping[str, Any] | None
    ) -> FrozenTrial:
        """Draw a new running trial, with the values of the point where it has any.

        Raises:
            ConfigError: the sampler raised something, or proposed what is not in the space.
        """
        fixed = None if point is None else space.labels(point)
        if type(sampler) is RandomSampler:
            drawn = fast_random.draw(sampler, space, fixed)
            self._storage.take(self.optuna._study_id, drawn)
            return drawn
        self.optuna.sampler = sampler
        newest = self._storage.newest
        try:
            with _refused(sampler):
                if self._raised is not None:
                    raise self._raised
                if fixed is not None:
                    self.optuna.enqueue_trial(fixed)
                with self._storage.shown_to(sampler):
                    trial = self.optuna.ask()
                    space.suggest(trial)
            drawn = self._storage.get_trial(trial._trial_id)  # no copy of the list of all
            refuse_outside(sampler, drawn)
        except ConfigError:
            if self._storage.newest > newest:
                self._storage.forget(self._storage.newest)
            raise
        return drawn

    def forget(self, trial: FrozenTrial) -> None:
        """Remove the newest trial, as if it had never been drawn."""
        self._storage.forget(trial._trial_id)

    def adopt(self, trial: FrozenTrial, state: State) -> int:
        """Add a trial of the record, in the state on record; returns its id in this memory."""
        values = trial.values and trial.values[: len(self._maximize)]
        seen = self._seen(state, trial.state, values)
        return self._storage.take(
            self.optuna._study_id,
            create_trial(
                state=seen.state,
                values=seen.values,
                params=trial.params,
                distributions=trial.distributions,
                system_attrs=dict(trial.system_attrs),
                intermediate_values=dict(trial.intermediate_values),
                constraints=seen.constraints,
            ),
        )

    def feed(self, trials: Sequence[TrialRecord], space: Space, objective: Objective) -> None:
        """Add scored trials of previous sweeps, adapted to this space, before any of this sweep."""
        for trial in trials:
            fixed = FixedTrial(space.labels(trial.params))
            space.suggest(fixed)
            best = trial.best(objective)
            assert best is not None, "only scored trials are fed"
            frozen = create_trial(
                state=TrialState.COMPLETE if trial.state is State.COMPLETE else TrialState.PRUNED,
                values=[best[1]],
                params=fixed.params,
                distributions=fixed.distributions,
                intermediate_values={n: m[objective.metric] for n, m in trial.epochs.items()},
            )
            self.adopt(frozen, trial.state)
            self._fed += 1

    @property
    def own(self) -> OptunaStudy:
        """Return the study with the trials of this sweep, without those of previous sweeps."""
        if not self._fed:
            return self.optuna
        own = optuna.create_study(direction=self.optuna.direction)
        own.add_trials(self.optuna.get_trials(deepcopy=False)[self._fed :])
        return own

    def pause(self, trial: int) -> None:
        """Show a paused trial to samplers as pruned until it is resumed, which may be never.

        TPE takes a running trial for a bad one, and with `stop=promotion` nearly all would run.
        """
        self._storage.pause(trial)

    def resume(self, trial: int) -> None:
        """Show a trial that was paused as running again."""
        self._storage.resume(trial)

    def report(self, trial: int, epoch: int, value: float) -> None:
        """Record a trial's objective after an epoch."""
        self._storage.set_trial_intermediate_value(trial, epoch, value)

    def end(
        self, trial: int, state: State, recorded: TrialState, values: Sequence[float] | None
    ) -> None:
        """Record how a trial ended; `recorded` is its Optuna state on record."""
        self._storage.resume(trial)
        seen = self._seen(state, recorded, values)
        for key, value in seen.constraints.items():
            self._storage.set_trial_system_attr(trial, f"{_CONSTRAINT}:{key}", value)
        self._tell(trial, seen)
        self._storage.set_trial_state_values(trial, seen.state, seen.values)

    def _tell(self, trial: int, seen: _Seen) -> None:
        """Tell a sampler of somebody else's that a trial has ended, as Optuna does.

        Optuna's own need it not, and those that are exhausted would stop Optuna's own loop.
        """
        sampler = self.optuna.sampler
        if type(sampler).__module__.partition(".")[0] in ("optuna", "sweeps"):
            return
        try:
            ended = self._storage.get_trial(trial)
            values = None if seen.values is None else list(seen.values)
            sampler.after_trial(self.optuna, ended, seen.state, values)
        except Exception as error:  # whatever it raises, the trial has ended: see `draw`
            self._raised = error

    @property
    def study_attrs(self) -> dict[str, Any]:
        """Attributes that samplers store in the study, such as the parents of a generation."""
        return self._storage.get_study_system_attrs(self.optuna._study_id)

    def set_study_attr(self, key: str, value: Any) -> None:
        """Restore an attribute that a sampler stored in the study in a previous session."""
        self._storage.set_study_system_attr(self.optuna._study_id, key, value)

    def _seen(self, state: State, recorded: TrialState, values: Sequence[float] | None) -> _Seen:
        """Return how a trial that runs or has ended is shown to samplers."""
        if state is State.INFEASIBLE:
            if not self._constrained:
                self._constrained = True
                for trial in self.optuna.get_trials(deepcopy=False):
                    if trial.state is TrialState.COMPLETE:
                        trial.system_attrs[f"{_CONSTRAINT}:{_INFEASIBLE}"] = -1.0
            if not self._scores:
                return _Seen(TrialState.PRUNED, None, {_INFEASIBLE: 1.0})
            worst = []
            for (low, high), maximize in zip(self._scores, self._maximize, strict=True):
                margin = (high - low) or abs(low) or 1.0
                worst.append(low - margin if maximize else high + margin)
            return _Seen(TrialState.COMPLETE, worst, {_INFEASIBLE: 1.0})
        if values and all(map(math.isfinite, values)):
            ranges = self._scores or [(value, value) for value in values]
            self._scores = [
                (min(low, value), max(high, value))
                for (low, high), value in zip(ranges, values, strict=True)
            ]
        if recorded is TrialState.PRUNED and len(self._maximize) > 1:
            # Samplers use no curves of several objectives: the value is that of the best epoch.
            recorded = TrialState.COMPLETE if values else TrialState.FAIL
        feasible = self._constrained and recorded is TrialState.COMPLETE
        return _Seen(recorded, values, {_INFEASIBLE: -1.0} if feasible else {})


def refuse_outside(sampler: BaseSampler, drawn: FrozenTrial) -> None:
    """Refuse a proposal that is not in the space, which Optuna does not look at.

    Raises:
        ConfigError: names a parameter and its value.
    """
    for key, within in drawn.distributions.items():
        value = drawn.params[key]
        if not within._contains(within.to_internal_repr(value)):
            low, high, step = (getattr(within, part, None) for part in ("low", "high", "step"))
            steps = f" in steps of {step:g}" if step not in (None, 1) else ""
            raise ConfigError(
                f"search: {type(sampler).__name__} proposes {key}={value}, which is not in the "
                f"space: {low:g} to {high:g}{steps}"
            )


@contextmanager
def _refused(sampler: BaseSampler) -> Iterator[None]:
    """Turn what a sampler raises into a ConfigError of one line that names it."""
    try:
        yield
    except Exception as error:  # it may be anybody's
        raise ConfigError(
            f"search: {type(sampler).__name__} cannot propose: {class_and_first_line(error)}"
        ) from error


@dataclass(frozen=True)
class _Seen:
    """Describes a trial's state, values and constraints as samplers see them."""

    state: TrialState
    values: Sequence[float] | None
    constraints: dict[str, float] = field(default_factory=dict)
