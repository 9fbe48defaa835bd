"""A sweep from start to end: check everything, run, and leave `results/<sweep>/` behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from hydra.utils import instantiate
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from sweeps import results_folder
from sweeps.backend.ray_session import Cluster, session
from sweeps.checked import any_feasible, pbt_keys
from sweeps.cli import INTERRUPTED, signals
from sweeps.config.composition import Composition, dotted, plain
from sweeps.config.error_messages import explain
from sweeps.config.require import Constraints
from sweeps.config.schema import SweepConfig
from sweeps.console import closing
from sweeps.console.live import Progress
from sweeps.console.status import Plan
from sweeps.driver.budget import Budget
from sweeps.driver.driver import Driver
from sweeps.driver.outbox_drain import settle
from sweeps.repeats.settings import NO_REPEATS, Repeats
from sweeps.report.closing import conclude
from sweeps.results_folder import Folder
from sweeps.search.first_trials import points
from sweeps.search.search import Search, Setting, build
from sweeps.space.expressions import Expression
from sweeps.space.space import Space
from sweeps.stop import Breeding, Never, Stop
from sweeps.study.storage import reach
from sweeps.study.study import Study
from sweeps.study.url import Database, Journal, shared
from sweeps.tracking import Tracker
from sweeps.transfer.previous_sweeps import Warm, gather
from sweeps.trials import Objective, State, TrialRecord, ranking
from trainers.config import METRICS, Mode, TrainConfig, refuse_idle, typed
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
    further: tuple[Objective, ...]
    search: Search
    stop: Stop
    budget: Budget
    repeats: Repeats = NO_REPEATS
    warm: Warm = field(default_factory=Warm)
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
        """Whether these of the search are all there are to be. Infeasible ones cost no budget."""
        limit, most = self.search.limit(), self.budget.trials
        proposed = [trial for trial in trials if trial.source is None]
        feasible = sum(trial.state is not State.INFEASIBLE for trial in proposed)
        return (limit is not None and len(proposed) >= limit) or (
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
    if base.plan is not None:
        raise ConfigError(
            "it is a plan of several sweeps where one is wanted: name one of its stages, "
            "experiment=…"
        )
    training = typed(base)
    ablates = str(base.search["_target_"]).endswith(".Ablation")
    space, notes = composition.space(with_own=ablates)
    if not space.parameters:
        raise ConfigError(
            "nothing varies: give values for a key (model.dropout=0.1,0.25), or make train for one "
            "training"
        )
    if "first.epochs" not in space.keys:
        refuse_idle(training)
    objective = Objective(training.task.metric, training.task.mode is Mode.max)
    if (place := shared(base.study)) is not None:
        composition.settle("study", str(place))  # a password goes no further
    config = plain(base)
    further = _further(objective, config["objectives"])
    budget = Budget(**config["budget"], maximize=objective.maximize)
    baseline = composition.as_is(space, {})
    first, passed_over = points(config["points"], space, composition)
    notes += passed_over
    if config["baseline"] and space.holds(baseline):
        first = (baseline, *(point for point in first if point != baseline))
    required = (Expression.parse(text, "require") for text in config["require"])
    constraints = Constraints(composition, tuple(required))
    constraints.check(space)
    setting = Setting(
        space, training.seed, first, (objective, *further), partial(composition.as_is, space)
    )
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
    if further and not isinstance(stop, Never):
        notes.append(
            f"stop={composition.choice('stop')} compares trials by {objective.metric} alone: "
            "stop=none lets all of them run"
        )
    repeats = Repeats.read(config["repeats"])
    repeats.check(space.keys, composition.fixed)
    if repeats.top:
        notes.append(repeats.told)
    sweep = Sweep(
        composition,
        config,
        training,
        space,
        tuple(notes),
        constraints,
        objective,
        further,
        search,
        stop,
        budget,
        repeats,
        shared=place,
    )
    pbt_keys.check(sweep)
    return sweep


def _further(objective: Objective, wanted: Mapping[str, str]) -> tuple[Objective, ...]:
    for metric in wanted:
        if metric not in METRICS or metric == objective.metric:
            rule = "is the objective already" if metric == objective.metric else "is no metric"
            others = ", ".join(name for name in METRICS if name != objective.metric)
            raise ConfigError(f"objectives: {metric} {rule}: name another of {others}")
    return tuple(Objective(metric, mode == Mode.max.name) for metric, mode in wanted.items())


def start(composition: Composition) -> None:
    """Preview or run a new sweep or a plan of some. Ends the program on failure, with its code."""
    if composition.base.plan is not None:
        from sweeps.launch import plan

        return plan.start(composition)
    with Console().status("checking the space"):
        sweep = warmed(check(composition))
    if sweep.config["preview"]:
        from sweeps.commands.preview import show

        show(sweep, Console())
        return
    if code := begin(sweep):
        raise SystemExit(code)


def warmed(sweep: Sweep) -> Sweep:
    """The sweep with what it learns from earlier ones.

    Raises:
        ConfigError: an earlier sweep that is not there, or has nothing to be learnt.
    """
    warm = gather(sweep)
    if warm.sweeps and sweep.further:
        raise ConfigError(
            "from_sweep: earlier sweeps teach by one objective, and this one has several: leave "
            "out from_sweep or objectives"
        )
    return replace(sweep, warm=warm, notes=(*sweep.notes, *warm.notes))


def begin(sweep: Sweep) -> int:
    """Run a new sweep that has been checked. Returns the exit code."""
    folder_path = Path(sweep.config["results"]) / sweep.name
    if folder_path.exists():
        results_folder.create(folder_path.parent, sweep.name)  # raises, and says what to do
    if sweep.shared is not None:
        reach(sweep.shared, sweep.name)
    fingerprint = fetch(sweep)
    any_feasible.check(sweep)
    sweep = replace(sweep, notes=(*sweep.notes, *sweep.warm.of_other_data(fingerprint)))
    with connect(sweep) as cluster:
        folder = results_folder.create(Path(sweep.config["results"]), sweep.name)
        with _nothing_if_refused(folder) as undo:
            cluster.check_folder(folder.path.resolve())
            results_folder.write_sweep(
                folder, sweep.config, sweep.composition.overrides, fingerprint
            )
            place = sweep.shared or folder.study
            study = Study(place, sweep.objective, sweep.space, sweep.name, True, sweep.further)
            undo.callback(study.discard)
            if sweep.warm.sweeps:
                study.feed(sweep.warm.trials)
            return run(sweep, folder, study, cluster)


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
    pbt_keys.fits(sweep)
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
    from sweeps.backend import ray_tune

    console = Console()
    tracker: Tracker = instantiate_group(
        "track", sweep.config["track"], sweep=sweep.name, uid=study.uid, folder=folder.path
    )
    slots = _Slots(sweep, cluster)
    folder.summary.unlink(missing_ok=True)
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
            repeats=sweep.repeats,
        )
        for note in sweep.notes:
            progress.note(note)
        with _interrupts(driver), _hushed():
            ray_tune.run(driver, slots, int(sweep.config["failures"]["lost_processes"]))
            driver.spend()
            settle(driver, study)
    told = conclude(sweep, folder, study, driver, slots(), tracker)
    tracker.close()
    study.close()
    closing.show(console, told)
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
        trials=None if sweep.trials is None else sweep.trials + sweep.repeats.most,
        epochs=sweep.training.epochs,
        slots=slots,
        budget_s=None if hours is None else max(0.0, hours * 3600 - study.wall_s),
        budget=sweep.budget,
        population=isinstance(sweep.stop, Breeding),
    )


@contextlib.contextmanager
def _nothing_if_refused(folder: Folder) -> Iterator[contextlib.ExitStack]:
    """A sweep that is refused before its first trial leaves no folder, and its name stays free.

    What else there is to be undone then is added to what it yields.
    """
    undo = contextlib.ExitStack()
    undo.callback(shutil.rmtree, folder.path)
    try:
        yield undo
    except (ConfigError, KeyboardInterrupt):
        if not any(folder.trials.iterdir()):
            undo.close()
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
