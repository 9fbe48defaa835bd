"""Describe a sweep that has passed every check that can be made without running anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sweeps.config.composition import Composition
from sweeps.config.keys import plain
from sweeps.config.require import Constraints
from sweeps.config.schema import FROM_SWEEP
from sweeps.config.trusted_targets import words_of_trust
from sweeps.driver.budget import Budget
from sweeps.driver.rules import Rules
from sweeps.repeats.settings import NO_REPEATS, Repeats
from sweeps.search.search import Search
from sweeps.space.space import Space
from sweeps.stop import PopulationRule, Stop
from sweeps.study.url import Database, Journal
from sweeps.trials import Objective, State, TrialRecord
from trainers.config import AUTO_GPU, TrainConfig


@dataclass(frozen=True)
class Transfer:
    """Describes the trials of previous sweeps that a sweep learns from.

    Attributes:
        data: name of each previous sweep -> the fingerprint of its data.
        trials: their trials, in this sweep's own space.
        messages: lines that tell how the trials were adapted.
    """

    data: Mapping[str, str] = field(default_factory=dict)
    trials: tuple[TrialRecord, ...] = ()
    messages: tuple[str, ...] = ()

    def of_other_data(self, fingerprint: str) -> tuple[str, ...]:
        """Write a message about each previous sweep that was run on other data."""
        return tuple(
            f"{FROM_SWEEP}={name}: its data are not those of this sweep, so its scores may "
            "not compare"
            for name, data in self.data.items()
            if data != fingerprint
        )


@dataclass(frozen=True)
class Sweep:
    """Describes a sweep that has passed every check that can be made without running anything.

    Attributes:
        config: the whole configuration, resolved, in plain containers.
        training: the training of the configuration, without any swept value.
        messages: lines about what was left out of the space, and the like.
        further: the objectives beside the first.
        transfer: what the sweep learns from previous sweeps.
        shared: where the study is, if not in the sweep's folder.
    """

    composition: Composition
    config: dict[str, Any]
    training: TrainConfig
    space: Space
    messages: tuple[str, ...]
    constraints: Constraints
    objective: Objective
    further: tuple[Objective, ...]
    search: Search
    stop: Stop
    budget: Budget
    repeats: Repeats = NO_REPEATS
    transfer: Transfer = field(default_factory=Transfer)
    shared: Database | Journal | None = None

    @property
    def name(self) -> str:
        """Return the sweep's name, which is also that of its folder."""
        return str(self.config["name"])

    @property
    def trust(self) -> list[str]:
        """Words of the command line that say what is trusted; commands to be copied repeat them."""
        return words_of_trust(self.composition.overrides)

    @property
    def rules(self) -> Rules:
        """Return what its driver decides by."""
        return Rules(self.search, self.stop, self.budget, self.constraints, self.repeats)

    @property
    def population(self) -> PopulationRule | None:
        """Return the stopping rule if it trains a population in generations."""
        return self.rules.population

    @property
    def resources(self) -> dict[str, Any]:
        """Resources of one trial; gpu is None until it is known whether the cluster has one.

        `anywhere`: whether trials run on machines without cards too, if the cluster has cards.
        """
        resources = plain(self.composition.base.resources)
        gpu = None if resources["gpu"] == AUTO_GPU else resources["gpu"]
        anywhere = gpu != 0 and self.config["resources"]["gpu"] == AUTO_GPU
        return {**resources, "gpu": gpu, "anywhere": anywhere}

    @property
    def trials(self) -> int | None:
        """Return the number of trials that budget and search allow at most; None: no such limit."""
        return _least(self.budget.trials, self.search.limit())

    @property
    def at_once(self) -> int | None:
        """Return the number of trials that may run at once at most; None: no such limit."""
        return _least(self.config["max_concurrent"], self.trials)

    @property
    def longest(self) -> int:
        """Return the number of epochs that a trial may have at most."""
        swept = [p.dimension for p in self.space.parameters if p.key == "epochs"]
        return max((int(n) for d in swept for n in d.examples()), default=self.training.epochs)

    def enough(self, trials: Sequence[TrialRecord]) -> bool:
        """Whether a search with these trials is over; infeasible trials cost no budget."""
        most = self.budget.trials
        proposed = [trial for trial in trials if trial.source is None]
        feasible = sum(trial.state is not State.INFEASIBLE for trial in proposed)
        return self.exhausted(trials) or (most is not None and feasible >= most)

    def exhausted(self, trials: Sequence[TrialRecord]) -> bool:
        """Whether the search has nothing left to propose, whatever the budget."""
        limit = self.search.limit()
        return limit is not None and sum(trial.source is None for trial in trials) >= limit

    def extension(self, trials: Sequence[TrialRecord], lifted: tuple[str, ...]) -> tuple[str, ...]:
        """List the overrides with which a sweep that has ended would go on; empty if it cannot.

        Args:
            lifted: overrides that lift the limits which are reached.
        """
        if self.exhausted(trials):
            trained = any(t.state is State.COMPLETE and not t.reason for t in trials)
            if not trained or "epochs" in self.space.keys:
                return ()
            limits = (word for word in lifted if not word.startswith("budget.trials="))
            return (*limits, f"epochs=+{self.training.epochs}")
        return lifted or (("budget.trials=+20",) if self.budget.trials is not None else ())

    def choice(self, group: str) -> str:
        """Return the choice made in a config group, such as "tpe" in `search`."""
        return self.composition.choice(group)


def _least(*limits: int | None) -> int | None:
    """Return the lowest of the limits that there are; None: there is none."""
    return min((limit for limit in limits if limit is not None), default=None)
