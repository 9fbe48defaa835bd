"""Show a running sweep: one live view in a terminal, plain lines elsewhere.

`frame` renders the lines of a status (`sweeps.console.status`), and `Progress` shows them. One
thread, the driver's, calls `Progress`; a second one, rich's, redraws the view four times a second.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from threading import Lock

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.live import Live
from rich.text import Text

from sweeps.cli import terminal
from sweeps.console.slot_time import SlotTime
from sweeps.console.status import Overview, Status
from sweeps.driver.budget import UNLIMITED, Spent
from sweeps.driver.observer import Observer
from sweeps.formatting import (
    GAP,
    bar,
    cell,
    clip,
    duration,
    encodable,
    fit,
    number,
    one_line,
    outcome,
    pairs,
    score,
)
from sweeps.trials import State, TrialRecord

STARTING = "starting: the processes load PyTorch; no epoch has ended yet"
HEARTBEAT_S = 30.0  # between two lines that only show that the sweep is alive
REFRESHES_PER_S = 4.0
NARROW, NARROW_S = 0.3, 10.0  # share or seconds within which an estimate is one figure


def frame(status: Status, now: float, width: int, height: int) -> list[Text]:
    """Render the live view: at most `height` lines of at most `width` cells."""
    lines = list(_summary(status, now, width))
    rows = height - len(lines) - 2  # a blank line and the heading come before
    if status.running and not status.over and rows > 0:
        lines += [Text(""), *_running(status, width, rows)]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines[:height]


def time_left(low: float, high: float) -> str:
    """Describe an estimate: "0:40 to 2:10 left", "about 1:05 left", "up to 2:10 left"."""
    if high - low <= max(NARROW * high, NARROW_S):
        return f"about {duration((low + high) / 2)} left"
    if low <= 0:
        return f"up to {duration(_rounded(high))} left"
    return f"{duration(_rounded(low))} to {duration(_rounded(high))} left"


def _rounded(seconds: float) -> float:
    """Round an end of a range: nobody needs its seconds."""
    step = 5 if seconds < 120 else 10 if seconds < 600 else 60 if seconds < 7200 else 600
    return max(round(seconds / step), 1) * step


def _summary(status: Status, now: float, width: int) -> Iterator[Text]:
    overview, elapsed, ended = status.overview, now - status.began, status.counted
    what = f"{GAP}{one_line(f'{overview.search} search, {overview.stop} stop')}{GAP}"
    yield Text.assemble(
        (one_line(overview.sweep), "bold"), what, (one_line(overview.machines), "dim")
    )

    if (trials := status.trials) is not None:
        share, progress = ended / max(trials, 1), f"{ended}/{trials} trials"
    else:
        share, progress = elapsed / (overview.budget_s or math.inf), f"{ended} trials"
    yield Text.assemble(bar(share, max(width - len(progress) - len(GAP), 0)), GAP, progress)

    times = f"{duration(elapsed)} elapsed"
    if left_s := status.left_s(now):
        times += f", {time_left(*left_s)}"
    space = width - cell_len(status.counts) - cell_len(times)
    if space >= len(GAP):
        yield Text(status.counts + " " * space + times)
    else:
        yield from (Text(status.counts), Text(times))
    if left := status.budget(now):
        yield Text(f"left  {left}")

    if (best := status.best) is not None:
        lead, value = f"best  {best.trial.id}{GAP}{overview.objective.metric} ", score(best.value)
        epoch = f" at epoch {best.epoch}{GAP}"
        params = pairs(best.trial.params, width - cell_len(lead + value + epoch))
        yield Text.assemble(lead, (value, "bold green"), epoch, (params, "dim"))
    if status.starting:
        yield Text(STARTING, "dim")
    if status.failure:
        yield Text.assemble(("last failure", "yellow"), GAP, status.failure)


def _running(status: Status, width: int, rows: int) -> Iterator[Text]:
    """Render a heading and at most `rows` lines: a trial each, the last counts those left out."""
    every = list(status.running.values())
    shown = every if len(every) <= rows else every[: rows - 1]
    metric = clip(status.overview.objective.metric, 14)
    sizes = [max(5, *(cell_len(r.trial.id) for r in every)), 0, max(cell_len(metric), 7)]
    length = 10 if width >= 80 else 6
    digits = len(str(max(status.length(r.trial) for r in every)))
    sizes[1] = length + 1 + 2 * digits + 1
    heads = [cell("trial", sizes[0]), cell("epoch", sizes[1]), cell(metric, sizes[2], right=True)]
    several = len(status.places) > 1
    if several:
        sizes.append(min(max(map(cell_len, status.places)), 20))
        heads.append(cell("on", sizes[3]))
    room = width - sum(sizes) - len(GAP) * (len(sizes) - 1)
    if width >= 100:  # in a narrower view a description takes what the parameters leave
        room -= min(max(cell_len(r.description) for r in every), 24)
    columns = fit(status.widths, room)
    heads += [cell(name, size, right=True) for _, name, size in columns]
    yield Text(GAP.join(heads), "dim")
    for r in shown:
        epochs, params = status.length(r.trial), r.trial.params
        value = "" if r.value is None else score(r.value)
        cells = [cell(f"{r.epoch}/{epochs}", 2 * digits + 1, right=True)]
        cells.append(cell(value, sizes[2], right=True))
        cells += [cell(r.place, sizes[3])] if several else []
        for key, _, size in columns:
            cells.append(cell(number(params[key]) if key in params else "", size, right=True))
        progress = bar(r.epoch / max(epochs, 1), length)
        rest = GAP.join([*cells, r.description]).rstrip()
        yield Text.assemble(cell(r.trial.id, sizes[0]), GAP, progress, " ", rest)
    if len(shown) < len(every):
        yield Text(f"… and {len(every) - len(shown)} more", "dim")


class Progress(Observer):
    """Shows a running sweep to a person: `with Progress(overview) as progress:`.

    In a terminal, one view that is redrawn in place; when the sweep ends it stays, without the
    running trials. Elsewhere (a pipe, a file, a notebook, TERM=dumb, a terminal without UTF-8)
    plain lines without control codes: one for each trial that ends, one when another trial takes
    the lead, and one with the counts at an event more than 30 s after the last such line.
    """

    def __init__(
        self,
        overview: Overview,
        previous: Sequence[TrialRecord] = (),
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the trials of previous sessions; an unfinished one counts once it starts again."""
        self._console = console or terminal()
        self._clock = clock
        self._status = Status(overview, previous, clock())
        self._slot_time = SlotTime(overview.slots, clock())
        self._lock = Lock()  # the driver changes the status while rich's thread draws it
        self._beat = clock()
        utf = self._console.encoding.lower().startswith("utf")
        live = self._console.file.isatty() and not self._console.is_dumb_terminal and utf
        self._live = (
            Live(self, console=self._console, refresh_per_second=REFRESHES_PER_S) if live else None
        )

    def __enter__(self) -> Progress:
        """Show the view, or print a line about the sweep."""
        if self._live is not None:
            self._live.start(refresh=True)
        else:
            overview = self._status.overview
            self.notify(
                f"{overview.sweep}: {overview.search} search, {overview.stop} stop, "
                f"{overview.machines}"
            )
            if self._status.ended:
                self.notify(self._heartbeat())
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the final state on the screen, also when an error ends the sweep."""
        with self._lock:
            self._status.over = True
        if self._live is not None:
            self._live.stop()
        else:
            self.notify(self._heartbeat())

    def started(self, trial: TrialRecord, description: str = "") -> None:
        """Show that a trial takes a slot; `description`: its text, if not that of its source."""
        if not description and trial.source is not None:
            description = trial.source.told
        with self._lock:
            now = self._clock()
            self._status.start(trial, description, now)
            self._slot_time.change(len(self._status.running), now)
            first = self._status.starting and len(self._status.running) == 1
        if self._live is not None:
            return
        if first:
            self.notify(STARTING)
        if description and not trial.trained:
            self.notify(f"{trial.id} {description}")

    def epoch(self, trial: str, epoch: int, metrics: Mapping[str, float], place: str = "") -> None:
        """Show the end of a trial's epoch (from 1), on `place` ("member/machine") if known."""
        with self._lock:
            now = self._clock()
            leads = self._status.epoch(trial, epoch, metrics, one_line(place), now)
            self._slot_time.epoch(metrics.get("epoch_s", 0.0), now)
            best, metric = self._status.best, self._status.overview.objective.metric
        if self._live is None:
            if leads and best is not None:
                value = f"{metric} {score(best.value)} at epoch {best.epoch}"
                self.notify(f"{trial} is the best so far: {value}")
            self._beat_if_due()

    def slots(self, trials: int) -> None:
        """Take how many trials may run at once from now on."""
        with self._lock:
            self._status.overview = replace(self._status.overview, slots=max(trials, 1))
            self._slot_time.resize(trials, self._clock())

    def paused(self, trial: str) -> None:
        """Show that a trial gave its slot back and may continue later."""
        with self._lock:
            self._status.pause(trial)
            self._slot_time.change(len(self._status.running), self._clock())

    def ended(self, trial: TrialRecord) -> None:
        """Show the end of a trial, whether or not it had a slot."""
        with self._lock:
            now = self._clock()
            self._status.end(trial, now)
            self._slot_time.change(len(self._status.running), now)
            infeasible = self._status.infeasible if trial.state is State.INFEASIBLE else 0
        if self._live is not None:
            return
        if infeasible < 2:
            params = "".join(f" {key}={number(value)}" for key, value in trial.params.items())
            if trial.repeat_of is not None:
                params = f" repeats {trial.repeat_of}"
            ended = outcome(trial, self._status.overview.objective)
            self.notify(f"{trial.id} {ended}; {duration(trial.seconds)};{params}".rstrip(";"))
        elif infeasible == 2:
            self.notify("further infeasible trials are only counted; all are in trials.csv")
        self._beat_if_due()

    def spent(self, spent: Spent) -> None:
        """Update what of the budget is used; comes before the event that is shown with it."""
        with self._lock:
            self._status.spent = spent, self._clock()

    def repeats_planned(self, trials: int) -> None:
        """Show that the search is over, and how many trials there will be with the repeats."""
        with self._lock:
            overview = self._status.overview  # no limit of the budget applies to repeats
            self._status.overview = replace(
                overview, trials=trials, budget_s=None, budget=UNLIMITED
            )

    @property
    def slot_time(self) -> tuple[tuple[str, float], ...]:
        """Say what a slot has spent its time on in this session, on average, in seconds."""
        return tuple(self._slot_time.parts(self._clock()))

    def notify(self, message: str) -> None:
        """Print a message on a line of its own, above the live view."""
        line = Text(encodable(one_line(message), self._console.encoding))
        self._console.print(line, soft_wrap=True)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Render the view; rich calls this at every refresh, from its own thread."""
        with self._lock:
            height = console.size.height - 1  # the cursor occupies a line
            lines = frame(self._status, self._clock(), options.max_width, height)
        for line in lines:
            line.no_wrap = True
            yield line

    def _beat_if_due(self) -> None:
        if self._clock() - self._beat >= HEARTBEAT_S:
            self._beat = self._clock()
            self.notify(self._heartbeat())

    @property
    def line(self) -> str:
        """Say in a line how the sweep does; any thread may ask."""
        with self._lock:
            return self._heartbeat()

    @property
    def places(self) -> Mapping[str, int]:
        """Count the trials that run on each "member/machine"; any thread may ask."""
        with self._lock:
            return Counter(one.place for one in self._status.running.values() if one.place)

    def _heartbeat(self) -> str:
        status, now = self._status, self._clock()
        of = "" if status.trials is None else f" of {status.trials}"
        line = f"{duration(now - status.began)}: {status.counted}{of} trials ended"
        line += f" ({status.counts})"
        if (best := status.best) is not None:
            line += f"; best {score(best.value)}, trial {best.trial.id}"
        if left_s := status.left_s(now):
            line += f"; {time_left(*left_s)}"
        if left := status.budget(now):
            line += f"; budget left: {left}"
        return line
