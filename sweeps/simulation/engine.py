"""Run a sweep's driver, study, search and stopping rule on given curves, in simulated time.

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
from sweeps.simulation.curves import Curve, CurveSource
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
    """Describes a moment at which the best objective so far changed.

    Attributes:
        seconds: simulated seconds since the start.
        epochs: number of epochs trained until then, on all workers.
        train_s: seconds of training until then, on all workers together.
        best: the best objective of any epoch until then.
    """

    seconds: float
    epochs: int
    train_s: float
    best: float


@dataclass(frozen=True)
class Simulated:
    """Holds the result of a simulation.

    Attributes:
        trials: the trials of the study at the end.
        trajectory: the best objective so far whenever it changed, in the order of time.
        epochs: number of epochs trained.
        train_s: seconds of training, on all workers together.
        full_epochs: number of epochs of the same trials, had none been stopped early.
        seconds: simulated seconds from the start to the last event.
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
        """Best objective of any epoch; None if no epoch ended."""
        return self.trajectory[-1].best if self.trajectory else None

    @property
    def saved(self) -> float:
        """Share of the epochs that stopping trials early has saved."""
        return 1 - self.epochs / self.full_epochs if self.full_epochs else 0.0

    def reached(self, target: float) -> Step | None:
        """Find the first step at least as good as a target; None if there is none."""
        good = (s for s in self.trajectory if not self.objective.better(target, s.best))
        return next(good, None)


def simulate(sweep: Sweep, source: CurveSource, workers: int, seed: int) -> Simulated:
    """Run a sweep on given curves.

    To replay a record trial for trial, give the search its configurations as points:
    `Sampled(RandomSampler, Setting(space, points=[trial.params for trial in recorded]))`.

    Args:
        sweep: the sweep as `sweeps.checked.check.check` returns it; its budget's hours are
            simulated ones.
        source: returns the curve of each proposal.
        workers: number of trials at a time, from 1.
        seed: seed of the search, instead of the sweep's own.

    Raises:
        ConfigError: `workers` is below 1, or trials may be longer than the curves.
    """
    if workers < 1:
        raise ConfigError(f"workers={workers} must be a whole number of 1 or more: workers=8")
    check_length(sweep, source)
    began = time.perf_counter()
    simulation = _Simulation(sweep, source, workers, seed)
    simulation.run()
    return simulation.result(time.perf_counter() - began)


def check_length(sweep: Sweep, source: CurveSource) -> None:
    """Check that the curves are as long as the longest trial.

    Raises:
        ConfigError: the curves are shorter.
    """
    if sweep.longest > source.epochs:
        raise ConfigError(
            f"epochs={sweep.longest} is more than the {source.epochs} that the curves have: "
            f"epochs={source.epochs}"
        )


def baseline(sweep: Sweep, source: CurveSource, workers: int, seed: int, trials: int) -> Simulated:
    """Simulate the yardstick: random search on the same curves, every trial to its end."""
    plain = replace(
        sweep,
        search=Sampled(RandomSampler, sweep.search.setting),
        stop=Never(),
        budget=replace(UNLIMITED, trials=trials),
    )
    return simulate(plain, source, workers, seed)


class _Simulation:
    """Plays a sweep event by event: the end of an epoch on one of the workers."""

    def __init__(self, sweep: Sweep, source: CurveSource, workers: int, seed: int) -> None:
        self._objective = sweep.objective
        self._source = source
        self._workers = workers
        self._study = Study(sweep.objective, sweep.space)
        self._composition = _CompositionStandIn(sweep)
        self._clock = _Clock()
        self._driver = Driver(
            study=self._study,
            composition=self._composition,
            rules=replace(sweep.rules, search=_seeded(sweep.search, seed), repeats=NO_REPEATS),
            folder=None,
            tracker=NullTracker(sweep.name, "", ""),
            observer=Observer(),
            clock=self._clock,
        )
        #: Heap of (seconds, order of scheduling, trial, epoch, curve), one for each busy worker.
        self._events: list[tuple[float, int, str, int, Curve]] = []
        self._scheduled = self._epochs = self._full_epochs = 0
        self._train_s = 0.0
        self._trajectory: list[Step] = []

    def run(self) -> None:
        """Process events until nothing is left to run or the driver gives up."""
        while not self._driver.halted:
            self._fill_workers()
            if not self._events or self._driver.halted:
                break
            self._clock.now, _, trial, epoch, curve = heappop(self._events)
            self._end_epoch(trial, epoch, curve)

    def result(self, took_s: float) -> Simulated:
        """Return the result; `took_s` are the real seconds that the simulation took."""
        return Simulated(
            self._objective,
            tuple(self._study.trials),
            tuple(self._trajectory),
            self._epochs,
            self._train_s,
            self._full_epochs,
            self._clock.now,
            self._driver.halted,
            took_s,
        )

    def _fill_workers(self) -> None:
        """Start the next trials on the free workers."""
        while len(self._events) < self._workers and (next_trial := self._driver.next()) is not None:
            params = self._study.trial(next_trial.trial).params
            curve = self._source.curve(params)
            if next_trial.after == 0:
                length = self._composition.length(params)
                self._full_epochs += min(length, len(curve.values))
            self._schedule(next_trial.trial, next_trial.after + 1, curve)

    def _schedule(self, trial: str, epoch: int, curve: Curve) -> None:
        """Schedule the end of a trial's epoch that begins now."""
        self._scheduled += 1
        ends = self._clock.now + curve.seconds[epoch - 1]
        heappush(self._events, (ends, self._scheduled, trial, epoch, curve))

    def _end_epoch(self, trial: str, epoch: int, curve: Curve) -> None:
        """Report an epoch to the driver, and schedule the next one unless the trial ends."""
        if epoch > len(curve.values):
            self._driver.failed(trial, State.DIVERGED, curve.diverges)
            return
        value, seconds = curve.values[epoch - 1], curve.seconds[epoch - 1]
        self._epochs += 1
        self._train_s += seconds
        best = self._trajectory[-1].best if self._trajectory else None
        if not math.isnan(value) and (best is None or self._objective.better(value, best)):
            self._trajectory.append(Step(self._clock.now, self._epochs, self._train_s, value))
        metrics = {self._objective.metric: value, "epoch_s": seconds}
        if not self._driver.epoch(trial, epoch, metrics, _HERE):
            self._schedule(trial, epoch + 1, curve)


@dataclass
class _Clock:
    """Returns the simulated seconds since the start."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


class _CompositionStandIn:
    """Stands in for the sweep's composition: nothing trains, so nothing needs to be composed.

    The driver's decisions depend only on the length and the patience in a trial's configuration.
    Where trials must meet constraints (`require:`, `model.max_parameters`), they are composed all
    the same, which takes some 30 ms each, and their models are built if needed.
    """

    def __init__(self, sweep: Sweep) -> None:
        gpu = sweep.resources["gpu"]
        self.base: DictConfig = OmegaConf.create(
            {
                "failures": sweep.composition.base.failures,
                "resources": {"gpu": 1.0 if gpu is None else gpu},
            }
        )
        limited = _LIMIT in sweep.training.model and sweep.training.model[_LIMIT] is not None
        constrained = sweep.constraints.require or limited or f"model.{_LIMIT}" in sweep.space.keys
        self._composition = sweep.composition if constrained else None
        self._training = replace(sweep.training, model={})
        self._config = {"data": {}, "resources": {"gpu": 0.0, "gpu_memory_gb": None}}

    def choices(self, params: Mapping[str, Any]) -> Mapping[str, str]:
        """Return none: nothing is shown."""
        return {}

    def training(self, params: Mapping[str, Any]) -> tuple[Mapping[str, Any], TrainConfig]:
        """Return the sweep's training with the length and patience of these parameters."""
        if self._composition is not None:
            return self._composition.training(params)
        swept = {key: params[key] for key in ("epochs", "patience") if key in params}
        training = replace(self._training, **swept) if swept else self._training
        return self._config, training

    def length(self, params: Mapping[str, Any]) -> int:
        """Return the number of epochs of a trial that nothing ends early."""
        return int(params.get("epochs", self._training.epochs))


def _seeded(search: Search, seed: int) -> Search:
    """Return the search with another seed; every search is a dataclass with a setting."""
    seeded: Search = replace(search, setting=replace(search.setting, seed=seed))  # type: ignore[type-var]
    return seeded
