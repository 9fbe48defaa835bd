"""Send W&B what it lacks of a sweep: `make sync SWEEP=mnist`.

`python -m sweeps.commands.review.sync SWEEP [results=…] [trust=[mylab]]`. What the record has and
the server has not is sent, once: history, checkpoints, how trials ended, remarks, the review. At
the end stands what is there of what should be; the exit code is 1 if something is missing. With
train/0003 in the place of a sweep, it is about that `make train`.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from sweeps import results_folder
from sweeps.checked.check import check
from sweeps.cli import FAILED, doing, one_sweep, refusals, terminal, use_plugins
from sweeps.commands import train_folder
from sweeps.config.composition import compose
from sweeps.config.trusted_targets import Origin
from sweeps.driver import tracked_trials
from sweeps.findings.findings import findings
from sweeps.formatting import command, duration, one_line
from sweeps.recorded import recorded_sweep
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.redaction import hide_password, redacted_text
from sweeps.report import summary_run
from sweeps.report.sheet import sheet
from sweeps.study.storage import alone
from sweeps.study.url import shared
from sweeps.tracking import WandbTracker
from sweeps.tracking.sync.due_runs import DueRuns
from sweeps.tracking.sync.lacking import Balance
from sweeps.tracking.sync.send import ServerAway, Sync, Synced
from sweeps.tracking.wandb_connection import WandbSettings
from sweeps.tracking.wandb_process import scratch
from trainers.errors import class_and_first_line
from trainers.files import history
from trainers.files.yaml_text import load_yaml

OPTIONS = ("results", "trust")

#: Seconds between two lines that tell how far it is, where there is no terminal.
LINE_S = 30.0
#: Seconds that a server may take to accept a run: nobody trains meanwhile.
INIT_S = 90.0

_WORDS = {
    "runs": "runs",
    "epochs": "epochs",
    "checkpoints": "checkpoints",
    "ends": "how trials ended",
    "notes": "people's remarks",
    "summary": "summary, tables, report",
}


def sync(name: str, given: Mapping[str, str]) -> int:
    """Send what is lacking, print what is there, and return the exit code.

    Raises:
        ConfigError: no such sweep, its driver runs, or W&B cannot be used.
    """
    results = Path(given.get("results", "results"))
    if train_folder.is_training(name):
        due, settings, checkpoints, path = _training(results, name, given)
        again = command("sync", train=path.name, results=results)
        return _send(due, settings, checkpoints, path, again)
    folder = results_folder.find(results, name)
    recorded = results_folder.read_sweep(folder)
    place = shared(recorded["config"].get("study")) or folder.study
    with alone(place, recorded["config"]["name"]):
        with doing("reading the record"):
            sweep = recorded_sweep.read(folder)
            due, settings, checkpoints = _due(sweep, given)
            unmade = _add_summary(due, sweep)
        again = command("sync", name, folder.path.parent)
        return _send(due, settings, checkpoints, folder.path, again, unmade)


def _send(
    due: DueRuns,
    settings: WandbSettings,
    checkpoints: str,
    folder: Path,
    again: str,
    unmade: str = "",
) -> int:
    """Send what is lacking, and print what is there; returns the exit code.

    Args:
        unmade: what should be there and could not be made, so that it is not in `due`.
    """
    console = terminal()
    progress = SyncProgress(console)
    began = time.monotonic()
    try:
        with progress:
            done = Sync(due, settings, checkpoints, folder.absolute(), progress)()
    except ServerAway as away:
        console.print(f"W&B at {away} cannot be reached any more: {again} sends the rest")
        return FAILED
    return _tell(console, done, time.monotonic() - began, again, unmade)


def _training(
    results: Path, name: str, given: Mapping[str, str]
) -> tuple[DueRuns, WandbSettings, str, Path]:
    """Gather what W&B should have of a training by itself that has ended, and where."""
    trained = train_folder.find(results, name, given.get("trust", "[]"))
    path, training = trained.path, trained.training
    config = load_yaml((path / "config.yaml").read_text(encoding="utf-8"))
    rows = history.read(path / "metrics.csv")
    uid = train_folder.id_of(path)
    due = DueRuns("train", uid, path)
    due.trial_started(path.name, {**config, "trial": path.name, "sweep": "train"}, 0)
    due.runs[path.name].folder = path.absolute()  # it has no folder of trials
    for epoch, metrics in rows.items():
        due.epoch(path.name, epoch, metrics, None, epoch == trained.epoch)
    stalled = history.stalled(rows, training.task, training.patience)
    due.trial_ended(path.name, "complete", stalled, {})
    return due, *_where("train", uid, config.get("track") or {}), path


def _due(sweep: RecordedSweep, given: Mapping[str, str]) -> tuple[DueRuns, WandbSettings, str]:
    """Gather what W&B should have of a sweep's trials, and where.

    Returns:
        It; where it goes; and which checkpoints go, as in `track.checkpoints`.
    """
    name = str(sweep.config["name"])
    due = DueRuns(name, sweep.uid, sweep.folder.path)
    origin = Origin.read(sweep.folder.path, [f"{key}={value}" for key, value in given.items()])
    with compose(list(sweep.overrides), origin) as composition:
        setting = check(composition).search.setting
        tracked_trials.replay(
            due,
            sweep.trials,
            sweep.objective,
            lambda trial: sweep.trial_config(trial.id),
            composition,
            setting,
        )
    return due, *_where(name, sweep.uid, sweep.config.get("track") or {})


def _where(name: str, uid: str, config: Mapping[str, Any]) -> tuple[WandbSettings, str]:
    """Say where runs go, and which checkpoints, as the recorded `track` says."""
    track = _track(config)
    settings = WandbSettings(
        sweep=name,
        uid=uid,
        folder=scratch(),
        project=track["project"],
        entity=track["entity"],
        mode="online",
        init_timeout_s=INIT_S,
        without_server=False,
    )
    older = {"True": "all", "False": "none"}
    wanted = str(track["checkpoints"])
    return settings, older.get(wanted, wanted)


def _track(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return where a sweep goes; one that was run with `track=none` goes where others do."""
    arguments = inspect.signature(WandbTracker).parameters
    return {
        key: config.get(key, arguments[key].default) for key in ("project", "entity", "checkpoints")
    }


def _add_summary(due: DueRuns, sweep: RecordedSweep) -> str:
    """Add the run of the sweep itself, once the sweep has ended; says what could not be made."""
    if sweep.folder.summary.is_file():
        try:
            found = findings(sweep)
            results = summary_run.results(sweep, found, sheet(sweep, found))
        except Exception as error:  # what only shows a sweep keeps none of it from being sent
            why = redacted_text(one_line(class_and_first_line(error)))
            return f"the review could not be made ({why}), and is not sent"
        due.sweep_ended(results)
    return ""


def _tell(console: Console, done: Synced, took_s: float, again: str, unmade: str) -> int:
    """Print what is there of what should be; returns the exit code."""
    now = done.after or done.before
    for kind, (there, due) in now.kinds.items():
        new = there - done.before.kinds[kind][0]
        sent = f", {new:,} of them sent now" if new else ""
        console.print(f"  {_WORDS[kind]:<23} {there:,} of {due:,}{sent}")
    for line in [*_remarks(now), *([unmade] if unmade else [])]:
        console.print(f"  {line}", soft_wrap=True)
    console.print(f"W&B: {done.project_url}", soft_wrap=True)
    if done.after is None:
        console.print(f"what arrived could not be asked for; {again} does", soft_wrap=True)
        return FAILED
    if not now.whole:
        only_gone = all(t == d for k, (t, d) in now.kinds.items() if k != "checkpoints")
        rest = "" if only_gone and now.gone == _missing(now, "checkpoints") else f": {again}"
        console.print(f"not all is there{rest}", soft_wrap=True)
        return FAILED
    if unmade:
        console.print("all else is there")
        return FAILED
    console.print(f"all is there, sent in {duration(took_s)}" if done.runs else "all is there")
    return 0


def _missing(balance: Balance, kind: str) -> int:
    there, due = balance.kinds.get(kind, (0, 0))
    return due - there


def _remarks(now: Balance) -> list[str]:
    """Say what a further sync would not change."""
    remarks = []
    if now.gone:
        remarks.append(f"{now.gone:,} checkpoints are no longer on disk, and were not sent before")
    if now.twice:
        remarks.append(
            f"{now.twice:,} rows are there twice, as other tools have sent them; W&B cannot take a "
            "row away: delete the run there, and sync again"
        )
    if now.unread:
        remarks.append(
            f"of {now.unread:,} runs the server shows fewer rows than it counts: no epoch of these "
            "was sent, try again later"
        )
    return remarks


class SyncProgress(AbstractContextManager["SyncProgress"]):
    """Shows how far a sync is: a bar in a terminal, elsewhere a line now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("sending to W&B"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._total = self._done = 0.0
        self._began = self._line_at = 0.0

    def __enter__(self) -> SyncProgress:
        """Begin to draw."""
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Remove the bar."""
        self._bar.stop()

    def begun(self, total: float) -> None:
        """Say that so much is to be sent."""
        self._total = total
        self._began = self._line_at = time.monotonic()
        self._task = self._bar.add_task("", total=total or None)

    def sent(self, part: float) -> None:
        """Say that so much of it has been."""
        self._done += part
        self._bar.update(self._task, completed=self._done)
        now = time.monotonic()
        if not self._console.is_terminal and now - self._line_at >= LINE_S:
            self._line_at = now
            left_s = (now - self._began) * (self._total - self._done) / self._done
            share = f"{self._done / self._total:.0%}"
            self._console.print(f"sent {share}, about {duration(left_s)} left", soft_wrap=True)

    def notify(self, message: str) -> None:
        """Show a message."""
        self._console.print(message, soft_wrap=True)


def main() -> None:
    """Read the command line of `make sync`."""
    hide_password()
    use_plugins()
    with refusals():
        code = sync(*one_sweep("make sync SWEEP=mnist", OPTIONS))
    if code:
        raise SystemExit(code)


if __name__ == "__main__":
    main()
