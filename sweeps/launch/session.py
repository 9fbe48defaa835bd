"""Run a sweep from start to end, and leave `results/<sweep>/` behind."""

from __future__ import annotations

import contextlib
import os
import signal
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from types import FrameType

from sweeps.backend.claim import own_member
from sweeps.backend.ray_session import Cluster
from sweeps.backend.stream.sending import StreamedResults
from sweeps.checked.sweep import Sweep
from sweeps.cli import FAILED, INTERRUPTED, doing, signals, terminal
from sweeps.console import closing
from sweeps.console.live import Progress
from sweeps.console.status import Overview
from sweeps.driver import tracked_trials
from sweeps.driver.contract import Slots, with_absolute_paths
from sweeps.driver.driver import Driver
from sweeps.formatting import command
from sweeps.launch.outbox_drain import drain
from sweeps.launch.slots import SweepSlots, WorkClock
from sweeps.launch.sweep_page import refreshed, write_at_end
from sweeps.recorded.recorded_sweep import WANDB
from sweeps.report.closing import conclude, import_ahead
from sweeps.results_folder import Folder, read_sweep
from sweeps.stop import Never
from sweeps.stop.rehearsal import Rehearsed, rehearse
from sweeps.study.storage import annotate
from sweeps.study.study import Study
from sweeps.timeline import mark
from sweeps.tracking import Tracker
from sweeps.trials import ranking
from trainers.config.targets import instantiate
from trainers.errors import ConfigError
from trainers.files import disk_faults


def run(sweep: Sweep, folder: Folder, study: Study, cluster: Cluster) -> int:
    """Run one session of a sweep, print how it ended, and return the exit code."""
    console = terminal()
    with doing("preparing the record of the trials"):
        tracker: Tracker = instantiate(
            "track", sweep.config["track"], name=sweep.name, uid=study.uid, folder=folder.path
        )
    ran = _run_trials(sweep, folder, study, cluster, tracker)
    driver = ran.driver
    mark("write the results, draw, test the best model")
    linked = _remember_project(sweep, folder, tracker)
    try:
        told = conclude(sweep, folder, study, driver, ran.slots)
        mark("make the report")
        review = write_at_end(folder)
        told = replace(told, findings=review.findings)
        if review.shown is not None and not driver.halted:
            tracker.sweep_ended(review.shown)
    except OSError as error:
        if disk_faults.of_disk(error) is None:
            raise
        console.print(
            f"the results cannot be written ({error.strerror}: {error.filename}). All that was "
            f"trained is on record; once they can be: {_resume(sweep)}",
            soft_wrap=True,
        )
        return FAILED
    finally:
        mark("hand over to W&B")
        tracker.close()
        if not linked:  # the server has only answered now
            _remember_project(sweep, folder, tracker)
        study.close()
    paths = {**review.paths, **told.paths}
    closing.show(console, replace(told, slot_time=ran.slot_time, paths=paths))
    for note in (*review.problems, *tracker.notes()):
        console.print(note, soft_wrap=True)
    return _exit_code(driver, bool(ranking(list(told.trials), sweep.objective)))


@dataclass(frozen=True)
class _Ran:
    """Holds what is left of a session whose trials have run.

    Attributes:
        slots: how many there were, on average.
    """

    driver: Driver
    slot_time: tuple[tuple[str, float], ...]
    slots: float


def _run_trials(
    sweep: Sweep, folder: Folder, study: Study, cluster: Cluster, tracker: Tracker
) -> _Ran:
    console = terminal()
    member, most = own_member(), cluster.slots(sweep.resources)
    data = with_absolute_paths(sweep.config)["data"]
    with (
        cluster.share(sweep.name, member, sweep.resources, most) as share,
        cluster.streams(folder.trials, data, read_sweep(folder)["data"]) as streams,
    ):
        slots = SweepSlots(sweep, cluster, share, None if streams is None else streams.lacking)
        slots.wait(partial(console.print, soft_wrap=True), halted=lambda: False)
        folder.summary.unlink(missing_ok=True)
        now, clock = slots(0, None), WorkClock()
        with Progress(_overview(sweep, study, cluster, now), study.trials, console) as progress:
            driver = Driver(
                study=study,
                composition=sweep.composition,
                rules=sweep.rules,
                folder=folder.path,
                tracker=tracker,
                observer=progress,
                clock=clock,
            )
            if share is not None:
                share.report(lambda: progress.line, lambda: progress.places)
            tracked_trials.begun(tracker, sweep.space, sweep.objective)
            tracked_trials.complete(tracker, study, sweep.composition, sweep.search.setting)
            for note in sweep.messages:
                progress.notify(note)
            with _interrupts(driver), _hushed(), refreshed(folder):
                mark("start the first processes")
                _train(sweep, cluster, driver, slots, clock, streams)
                driver.close()
                drain(driver, study)
            return _Ran(driver, progress.slot_time, slots.average)


def _train(
    sweep: Sweep,
    cluster: Cluster,
    driver: Driver,
    slots: SweepSlots,
    clock: WorkClock,
    streams: StreamedResults | None,
) -> None:
    """Run trials until none is left, or the driver is halted; wait where others have all slots."""
    lost_processes = int(sweep.config["failures"]["lost_processes"])
    how = _resume(sweep)
    while cluster.run(driver, slots, lost_processes, how, import_ahead, streams):
        with clock.stopped():
            slots.wait(driver.notify, halted=lambda: bool(driver.halted))


def _resume(sweep: Sweep) -> str:
    return command("resume", sweep.name, sweep.config["results"], sweep.trust)


_CTRL_C = "interrupted by Ctrl-C"


def _exit_code(driver: Driver, has_best: bool) -> int:
    """Return the exit code of a session that has written its results."""
    if driver.halted == _CTRL_C:
        return INTERRUPTED
    return FAILED if driver.halted or not has_best else 0


def _remember_project(sweep: Sweep, folder: Folder, tracker: Tracker) -> bool:
    """Put on record where runs are shown, for the report's links, and return if that is known."""
    if address := tracker.project_url():
        with contextlib.suppress(ConfigError):  # a shared storage that has just gone away
            place = sweep.shared or folder.study
            annotate(place, sweep.name, WANDB, {"project_url": address})
    return bool(address)


def _overview(sweep: Sweep, study: Study, cluster: Cluster, slots: Slots) -> Overview:
    hours = sweep.budget.hours
    beside = f", beside {', '.join(slots.others)}" if slots.others else ""
    return Overview(
        sweep=sweep.name,
        objective=sweep.objective,
        search=sweep.choice("search"),
        stop=sweep.choice("stop"),
        machines=f"{slots.trials} at a time{slots.kinds} on {cluster.describe()}{beside}",
        trials=None if sweep.trials is None else sweep.trials + sweep.repeats.most,
        proposals=None if (limit := sweep.search.limit()) is None else limit + sweep.repeats.most,
        repeats=sweep.repeats.most,
        rehearsed=_rehearsed(sweep),
        epochs=sweep.longest,
        slots=slots.trials,
        budget_s=None if hours is None else max(0.0, hours * 3600 - study.wall_s),
        budget=sweep.budget,
        population=sweep.population is not None,
    )


def _rehearsed(sweep: Sweep) -> tuple[Rehearsed, ...]:
    """Return what the stopping rule lets trials have, if it stops them at all."""
    if sweep.population is not None or sweep.trials is None or isinstance(sweep.rules.stop, Never):
        return ()
    return rehearse(sweep.rules.stop, sweep.trials, sweep.longest)


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
