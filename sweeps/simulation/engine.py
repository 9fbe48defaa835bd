"""Runs a sweep's own driver, study, search and stopping rule on known curves, in simulated time.

Nothing trains, nothing is written, and the clock jumps from one event to the next: the end of an
epoch on one of the workers. Events at the same moment come in the order in which they were
scheduled, so that a simulation is a function of the sweep, the curves, the workers and the seed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from typing import Any

from omegaconf import DictConfig, OmegaConf
from optuna.samplers import RandomSampler

from sweeps.checked.sweep import Sweep
from sweeps.driver.budget import UNLIMITED
from sweeps.driver.driver import Driver
from sweeps.driver.observer import Observer
from sweeps.repeats.settings import NO_REPEATS
from sweeps.search.samplers import Sampled
from sweeps.search.search import Search
from sweeps.simulation.curves import Curve, Source
from sweeps.stop import Never
from sweeps.study.study import Study
from sweeps.tracking import NullTracker
from sweeps.trials import Objective, Place, State, TrialRecord
from trainers.config import TrainConfig
from trainers.errors import ConfigError

_LIMIT = "max_parameters"
_HERE = Place("", "simulated")


@dataclass(frozen=True)
class Step:
    """A moment at which the best so far changed.

    Attributes:
        seconds: simulated.
        epochs: trained until then, on all workers.
        train_s: seconds of training until then, on all workers together.
        best: the best objective of any epoch until then.
    """

    seconds: float
    epochs: int
    train_s: float
    best: float


@dataclass(frozen=True)
class Simulated:
    """What came of a simulation.

    Attributes:
        trials: as the study has them at the end.
        trajectory: the best so far whenever it changed, in the order of time.
        epochs: trained.
        train_s: seconds of training, on all workers together.
        full_epochs: that the same trials would have taken, had none been ended early.
        seconds: simulated, from the start to the last event.
        halted: why the driver gave up; empty if it did not.
        took_s: real seconds that the simulation took.
    """

    objective: Objective
    trials: tuple[TrialRecord, ...]
    trajectory: tuple[Step, ...]
    epochs: int
    train_s: float
    full_epochs: int
    seconds: float
    halted: str
    took_s: float = field(compare=False)

    @property
    def best(self) -> float | None:
        """The best objective of any epoch; None if no epoch ended."""
        return self.trajectory[-1].best if self.trajectory else None

    @property
    def saved(self) -> float:
        """The share of the epochs that ending trials early has saved."""
        return 1 - self.epochs / self.full_epochs if self.full_epochs else 0.0

    def reached(self, target: float) -> Step | None:
        """When the best so far was first as good as this; None: never."""
        good = (s for s in self.trajectory if not self.objective.better(target, s.best))
        return next(good, None)


def simulate(sweep: Sweep, source: Source, workers: int, seed: int) -> Simulated:
    """Run a sweep on known curves.

    To replay a record trial for trial, give the search its configurations as points:
    `Sampled(RandomSampler, Setting(space, points=[trial.params for trial in recorded]))`.

    Args:
        sweep: as `sweeps.launch.session.check` returns it; its budget's hours are simulated ones.
        source: answers with a curve for each proposal.
        workers: trials at a time, from 1.
        seed: of the search, in the place of the sweep's own.

    Raises:
        ConfigError: no worker, or trials that are to be longer than the curves.
    """
    if workers < 1:
        raise ConfigError(f"workers={workers} must be a whole number of 1 or more: workers=8")
    check_length(sweep, source)
    began = time.perf_counter()
    study = Study(None, sweep.objective, sweep.space, sweep.name, create=True)
    stand_in = _Stand(sweep)
    clock = _Clock()
    driver = Driver(
        study=study,
        composition=stand_in,
        rules=replace(sweep.rules, search=_seeded(sweep.search, seed), repeats=NO_REPEATS),
        folder=None,
        tracker=NullTracker(sweep.name, "", ""),
        observer=Observer(),
        clock=clock,
    )
    metric, better = sweep.objective.metric, sweep.objective.better
    events: list[tuple[float, int, str, int, Curve]] = []
    scheduled = epochs = full_epochs = 0
    train_s = 0.0
    trajectory: list[Step] = []

    def schedule(trial: str, epoch: int, curve: Curve) -> None:
        nonlocal scheduled
        scheduled += 1
        heappush(events, (clock.now + curve.seconds[epoch - 1], scheduled, trial, epoch, curve))

    while not driver.halted:
        while len(events) < workers and (assignment := driver.next()) is not None:
            params = study.trial(assignment.trial).params
            curve = source.curve(params)
            if assignment.after == 0:
                full_epochs += min(stand_in.length(params), len(curve.values))
            schedule(assignment.trial, assignment.after + 1, curve)
        if not events or driver.halted:
            break
        clock.now, _, trial, epoch, curve = heappop(events)
        if epoch > len(curve.values):
            driver.failed(trial, State.DIVERGED, curve.diverges)
            continue
        value = curve.values[epoch - 1]
        epochs += 1
        train_s += curve.seconds[epoch - 1]
        if not math.isnan(value) and (not trajectory or better(value, trajectory[-1].best)):
            trajectory.append(Step(clock.now, epochs, train_s, value))
        metrics = {metric: value, "epoch_s": curve.seconds[epoch - 1]}
        if not driver.epoch(trial, epoch, metrics, _HERE):
            schedule(trial, epoch + 1, curve)
    return Simulated(
        sweep.objective,
        tuple(study.trials),
        tuple(trajectory),
        epochs,
        train_s,
        full_epochs,
        clock.now,
        driver.halted,
        time.perf_counter() - began,
    )


def check_length(sweep: Sweep, source: Source) -> None:
    """See that the curves are as long as the trials may be.

    Raises:
        ConfigError: they are shorter.
    """
    if sweep.longest > source.epochs:
        raise ConfigError(
            f"epochs={sweep.longest} is more than the {source.epochs} that the curves have: "
            f"epochs={source.epochs}"
        )


def baseline(sweep: Sweep, source: Source, workers: int, seed: int, trials: int) -> Simulated:
    """The yardstick: random search over the same curves, every trial to its end."""
    plain = replace(
        sweep,
        search=Sampled(RandomSampler, sweep.search.setting),
        stop=Never(),
        budget=replace(UNLIMITED, trials=trials),
    )
    return simulate(plain, source, workers, seed)


@dataclass
class _Clock:
    """Simulated seconds since the start."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


class _Stand:
    """In the place of the sweep's composition: nothing trains, so nothing need be composed.

    What of a trial's configuration the driver's decisions depend on is its length and patience.
    Where a trial must meet something (`require:`, `model.max_parameters`) it is composed all the
    same, which takes some 30 ms, and its model built if need be.
    """

    def __init__(self, sweep: Sweep) -> None:
        gpu = sweep.composition.base.resources.gpu
        self.base: DictConfig = OmegaConf.create(
            {
                "failures": sweep.composition.base.failures,
                "resources": {"gpu": 1.0 if gpu is None else gpu},
            }
        )
        limited = _LIMIT in sweep.training.model and sweep.training.model[_LIMIT] is not None
        demanding = sweep.constraints.require or limited or f"model.{_LIMIT}" in sweep.space.keys
        self._composition = sweep.composition if demanding else None
        self._training = replace(sweep.training, model={})
        self._config: dict[str, Any] = {"data": {}}

    def training(self, params: Mapping[str, Any]) -> tuple[Mapping[str, Any], TrainConfig]:
        """The sweep's training with what of the parameters matters here."""
        if self._composition is not None:
            return self._composition.training(params)
        given = {key: params[key] for key in ("epochs", "patience") if key in params}
        training = replace(self._training, **given) if given else self._training
        return self._config, training

    def length(self, params: Mapping[str, Any]) -> int:
        """How many epochs a trial has if nothing ends it."""
        return int(params.get("epochs", self._training.epochs))


def _seeded(search: Search, seed: int) -> Search:
    """The search with another seed; each is a dataclass with a setting."""
    seeded: Search = replace(search, setting=replace(search.setting, seed=seed))  # type: ignore[type-var]
    return seeded
