"""A sweep from start to end: check everything, run, and leave `results/<sweep>/` behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from hydra.utils import instantiate
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from sweeps import ending, results
from sweeps.budget import Budget
from sweeps.composition import Composition, dotted, plain
from sweeps.conclusion import conclude
from sweeps.config import SweepConfig
from sweeps.constraints import Constraints
from sweeps.driver import Driver
from sweeps.entry import INTERRUPTED, signals
from sweeps.expressions import Expression
from sweeps.messages import explain
from sweeps.points import points
from sweeps.progress import Plan, Progress
from sweeps.records import Objective, State, TrialRecord, ranking
from sweeps.results import Folder
from sweeps.search import Search, Setting, build
from sweeps.session import Cluster, session
from sweeps.settle import settle
from sweeps.shared import Database, Journal, shared
from sweeps.space import Space
from sweeps.stop import Stop
from sweeps.storage import reach
from sweeps.study import Study
from sweeps.tracking import Tracker
from trainers.config import Mode, TrainConfig, typed
from trainers.errors import ConfigError

#: Exit code of a sweep that failed.
FAILED = 1


@dataclass(frozen=True)
class Sweep:
    """A sweep that has passed every check that can be made without running anything."""

    composition: Composition
    config: dict[str, Any]
    training: TrainConfig
    space: Space
    notes: tuple[str, ...]
    constraints: Constraints
    objective: Objective
    search: Search
    stop: Stop
    budget: Budget
    shared: Database | Journal | None = None

    @property
    def name(self) -> str:
        """Of the sweep and of its folder."""
        return str(self.config["name"])

    @property
    def resources(self) -> dict[str, Any]:
        """Of one trial; gpu is None until it is known whether the cluster has any."""
        return plain(self.composition.base.resources)

    @property
    def trials(self) -> int | None:
        """The most trials there can be, by the budget and by the search; None: no such limit."""
        limits = [n for n in (self.budget.trials, self.search.limit()) if n is not None]
        return min(limits) if limits else None

    @property
    def longest(self) -> int:
        """The most epochs that a trial may have."""
        swept = [p.dimension for p in self.space.parameters if p.key == "epochs"]
        return max((int(n) for d in swept for n in d.examples()), default=self.training.epochs)

    def enough(self, trials: Sequence[TrialRecord]) -> bool:
        """Whether these are all the trials there are to be. Infeasible ones cost no budget."""
        limit, most = self.search.limit(), self.budget.trials
        feasible = sum(trial.state is not State.INFEASIBLE for trial in trials)
        return (limit is not None and len(trials) >= limit) or (
            most is not None and feasible >= most
        )

    def choice(self, group: str) -> str:
        """The name of the choice made in a group, such as "tpe" for search."""
        return self.composition.choice(group)


def check(composition: Composition) -> Sweep:
    """Check all that can be checked before anything runs.

    Raises:
        ConfigError: what is wrong.
    """
    base = composition.base
    try:  # an appended key (+budget.trails=3) passes Hydra even where there is a schema
        OmegaConf.merge(OmegaConf.structured(SweepConfig), OmegaConf.to_container(base))
    except OmegaConfBaseException as error:
        raise ConfigError(
            explain(error, keys=list(dotted(OmegaConf.structured(SweepConfig))))
        ) from error
    training = typed(base)
    ablates = str(base.search["_target_"]).endswith(".Ablation")
    space, notes = composition.space(with_own=ablates)
    if not space.parameters:
        raise ConfigError(
            "nothing varies: give values for a key (model.dropout=0.1,0.25), or make train for one "
            "training"
        )
    objective = Objective(training.task.metric, training.task.mode is Mode.max)
    if (place := shared(base.study)) is not None:
        composition.settle("study", str(place))  # a password goes no further
    config = plain(base)
    budget = Budget(**config["budget"], maximize=objective.maximize)
    baseline = composition.as_is(space, {})
    first, passed_over = points(config["points"], space, composition)
    notes += passed_over
    if config["baseline"] and space.holds(baseline):
        first = (baseline, *(point for point in first if point != baseline))
    required = (Expression.parse(text, "require") for text in config["require"])
    constraints = Constraints(composition, tuple(required))
    constraints.check(space)
    setting = Setting(space, training.seed, first, partial(composition.as_is, space))
    search = build(config["search"], setting)
    if not budget.bounded and search.limit() is None:
        raise ConfigError(
            "budget: without any limit the sweep would never end (a target may never be reached): "
            "budget.trials=20"
        )
    if config["max_concurrent"] is not None and config["max_concurrent"] < 1:
        raise ConfigError(
            f"max_concurrent must be 1 or more, or null for as many as fit, not "
            f"{config['max_concurrent']}"
        )
    if config["resources"]["gpu_memory_gb"] is not None:
        raise ConfigError(
            "resources.gpu_memory_gb is not understood yet: give a trial's share of a GPU, such as "
            "resources.gpu=0.25"
        )
    stop = instantiate_group("stop", config["stop"])
    return Sweep(
        composition,
        config,
        training,
        space,
        tuple(notes),
        constraints,
        objective,
        search,
        stop,
        budget,
        place,
    )


def start(composition: Composition) -> None:
    """Preview or run a new sweep. Ends the program with an exit code other than 0 on failure."""
    with Console().status("checking the space"):
        sweep = check(composition)
    if sweep.config["preview"]:
        from sweeps.preview import show

        show(sweep, Console())
        return
    folder_path = Path(sweep.config["results"]) / sweep.name
    if folder_path.exists():
        results.create(folder_path.parent, sweep.name)  # raises, and says what to do
    if sweep.shared is not None:
        reach(sweep.shared, sweep.name)
    fingerprint = fetch(sweep)
    with connect(sweep) as cluster:
        folder = results.create(Path(sweep.config["results"]), sweep.name)
        with _nothing_if_refused(folder):
            cluster.check_folder(folder.path.resolve())
            results.write_sweep(folder, sweep.config, composition.overrides, fingerprint)
            place = sweep.shared or folder.study
            study = Study(place, sweep.objective, sweep.space, sweep.name, create=True)
            code = run(sweep, folder, study, cluster)
    if code:
        raise SystemExit(code)


def fetch(sweep: Sweep) -> str:
    """Bring the data here, and build one model and optimizer to see that they can be built.

    Returns:
        The fingerprint of the data.
    """
    with Console().status("loading PyTorch"):
        from trainers.data.resident import prepare
        from trainers.fit import size
    fingerprint = prepare(sweep.training.data).fingerprint
    size(sweep.training)
    return fingerprint


@contextlib.contextmanager
def connect(sweep: Sweep) -> Iterator[Cluster]:
    """The Ray to run on, seen to have room for a trial.

    Raises:
        ConfigError: it cannot be reached, or a trial asks for more than any machine has.
    """
    with contextlib.ExitStack() as stack:
        with Console().status("starting Ray"):
            cluster = stack.enter_context(session())
        if sweep.resources["gpu"] is None:
            sweep.composition.settle("resources.gpu", 1.0 if cluster.has_gpu else 0.0)
        cluster.check(sweep.resources)
        yield cluster


def run(sweep: Sweep, folder: Folder, study: Study, cluster: Cluster) -> int:
    """Run one sitting of a sweep and tell how it ended. Returns the exit code."""
    from sweeps import tune

    console = Console()
    tracker: Tracker = instantiate_group(
        "track", sweep.config["track"], sweep=sweep.name, uid=study.uid, folder=folder.path
    )
    slots = _Slots(sweep, cluster)
    earlier = study.trials
    with Progress(_plan(sweep, study, cluster, slots()), earlier, console) as progress:
        driver = Driver(
            study=study,
            composition=sweep.composition,
            constraints=sweep.constraints,
            search=sweep.search,
            stop=sweep.stop,
            budget=sweep.budget,
            folder=folder.path,
            tracker=tracker,
            progress=progress,
        )
        for note in sweep.notes:
            progress.note(note)
        with _interrupts(driver), _hushed():
            tune.run(driver, slots, int(sweep.config["failures"]["lost_processes"]))
            driver.spend()
            settle(driver, study)
    told = conclude(sweep, folder, study, driver, slots(), tracker)
    tracker.close()
    study.close()
    ending.show(console, told)
    for note in tracker.notes():
        console.print(note, highlight=False, soft_wrap=True)
    if driver.halted == _CTRL_C:
        return INTERRUPTED
    return FAILED if driver.halted or not ranking(list(told.trials), sweep.objective) else 0


_CTRL_C = "interrupted by Ctrl-C"


def instantiate_group(group: str, node: dict[str, Any], **supplied: Any) -> Any:
    """Build what a group describes; its settings are refused in a line, as all else is."""
    from trainers.check import check_arguments

    check_arguments(group, node, supplied)
    try:
        return instantiate(node, **supplied)
    except Exception as error:  # whatever a constructor raises
        cause = error.__cause__ or error
        raise (
            cause if isinstance(cause, ConfigError) else ConfigError(f"{group}: {cause}")
        ) from error


class _Slots:
    """How many trials may run at once, now."""

    def __init__(self, sweep: Sweep, cluster: Cluster) -> None:
        self._limit = sweep.config["max_concurrent"]
        self._resources = sweep.resources
        self._cluster = cluster

    def __call__(self) -> int:
        fits = self._cluster.slots(self._resources)
        return fits if self._limit is None else min(fits, self._limit)


def _plan(sweep: Sweep, study: Study, cluster: Cluster, slots: int) -> Plan:
    hours = sweep.budget.hours
    return Plan(
        sweep=sweep.name,
        objective=sweep.objective,
        search=sweep.choice("search"),
        stop=sweep.choice("stop"),
        machines=f"{slots} at a time on {cluster.describe()}",
        trials=sweep.trials,
        epochs=sweep.training.epochs,
        slots=slots,
        budget_s=None if hours is None else max(0.0, hours * 3600 - study.wall_s),
        budget=sweep.budget,
    )


@contextlib.contextmanager
def _nothing_if_refused(folder: Folder) -> Iterator[None]:
    """A sweep that is refused before its first trial leaves no folder, and its name stays free."""
    try:
        yield
    except (ConfigError, KeyboardInterrupt):
        if not any(folder.trials.iterdir()):
            shutil.rmtree(folder.path)
        raise


@contextlib.contextmanager
def _interrupts(driver: Driver) -> Iterator[None]:
    """Ctrl-C once: stop cleanly. Twice: at once; checkpoints are safe all the same."""

    def handle(number: int, frame: FrameType | None) -> None:
        if driver.halted:
            os._exit(INTERRUPTED)
        driver.halt(_CTRL_C if number == signal.SIGINT else "terminated")

    with signals(handle):
        yield


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Tune prints tables and advice of its own; what matters of it is told by us."""
    import logging

    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
