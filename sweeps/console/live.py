"""What a person sees while a sweep runs: one live view in a terminal, plain lines elsewhere.

`frame` makes the lines of what is known (`sweeps.console.status`), and `Progress` shows them. One
thread, the driver's, calls `Progress`; a second one, rich's, redraws the view four times a second.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from threading import Lock

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.live import Live
from rich.text import Text

from sweeps.console.status import Plan, Standing
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

HEARTBEAT_S = 30.0  # between two lines that only say that all is well
REFRESHES_PER_S = 4.0


def frame(standing: Standing, now: float, width: int, height: int) -> list[Text]:
    """The live view: at most `height` lines of at most `width` cells."""
    lines = list(_overview(standing, now, width))
    rows = height - len(lines) - 2  # a blank line and the heading come before
    if standing.running and not standing.over and rows > 0:
        lines += [Text(""), *_running(standing, width, rows)]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines[:height]


def _overview(standing: Standing, now: float, width: int) -> Iterator[Text]:
    plan, elapsed, ended = standing.plan, now - standing.began, standing.counted
    what = f"{GAP}{one_line(f'{plan.search} search, {plan.stop} stop')}{GAP}"
    yield Text.assemble((one_line(plan.sweep), "bold"), what, (one_line(plan.machines), "dim"))

    if plan.trials is not None:
        share, told = ended / max(plan.trials, 1), f"{ended}/{plan.trials} trials"
    else:
        share, told = elapsed / (plan.budget_s or math.inf), f"{ended} trials"
    yield Text.assemble(bar(share, max(width - len(told) - len(GAP), 0)), GAP, told)

    times = f"{duration(elapsed)} elapsed"
    if (left_s := standing.left_s(now)) is not None:
        times += f", about {duration(left_s)} left"
    space = width - cell_len(standing.counts) - cell_len(times)
    if space >= len(GAP):
        yield Text(standing.counts + " " * space + times)
    else:
        yield from (Text(standing.counts), Text(times))
    if left := standing.budget(now):
        yield Text(f"left  {left}")

    if (best := standing.best) is not None:
        lead, value = f"best  {best.trial.id}{GAP}{plan.objective.metric} ", score(best.value)
        epoch = f" at epoch {best.epoch}{GAP}"
        params = pairs(best.trial.params, width - cell_len(lead + value + epoch))
        yield Text.assemble(lead, (value, "bold green"), epoch, (params, "dim"))
    if standing.failure:
        yield Text.assemble(("last failure", "yellow"), GAP, standing.failure)


def _running(standing: Standing, width: int, rows: int) -> Iterator[Text]:
    """A heading and at most `rows` lines, a trial each, or the last for those left out."""
    every = list(standing.running.values())
    shown = every if len(every) <= rows else every[: rows - 1]
    metric = clip(standing.plan.objective.metric, 14)
    sizes = [max(5, *(cell_len(r.trial.id) for r in every)), 0, max(cell_len(metric), 7)]
    length = 10 if width >= 80 else 6
    digits = len(str(max(map(standing.length, every))))
    sizes[1] = length + 1 + 2 * digits + 1
    heads = [cell("trial", sizes[0]), cell("epoch", sizes[1]), cell(metric, sizes[2], right=True)]
    several = len(standing.places) > 1
    if several:
        sizes.append(min(max(map(cell_len, standing.places)), 20))
        heads.append(cell("on", sizes[3]))
    room = width - sum(sizes) - len(GAP) * (len(sizes) - 1)
    if width >= 100:  # else what is told beside a trial takes what its parameters leave
        room -= min(max(cell_len(r.description) for r in every), 24)
    columns = fit(standing.widths, room)
    heads += [cell(name, size, right=True) for _, name, size in columns]
    yield Text(GAP.join(heads), "dim")
    for r in shown:
        epochs, params = standing.length(r), r.trial.params
        value = "" if r.value is None else score(r.value)
        cells = [cell(f"{r.epoch}/{epochs}", 2 * digits + 1, right=True)]
        cells.append(cell(value, sizes[2], right=True))
        cells += [cell(r.place, sizes[3])] if several else []
        for key, _, size in columns:
            cells.append(cell(number(params[key]) if key in params else "", size, right=True))
        progress = bar(r.epoch / max(epochs, 1), length)
        told = GAP.join([*cells, r.description]).rstrip()
        yield Text.assemble(cell(r.trial.id, sizes[0]), GAP, progress, " ", told)
    if len(shown) < len(every):
        yield Text(f"… and {len(every) - len(shown)} more", "dim")


class Progress(Observer):
    """Shows a running sweep to a person: `with Progress(plan) as progress:`.

    In a terminal, one view that is redrawn in place; when the sweep ends it stays, without the
    running trials. Elsewhere (a pipe, a file, a notebook, TERM=dumb, a terminal without UTF-8)
    plain lines without control codes: one for each trial that ends, one when another trial takes
    the lead, and one with the counts at an event more than 30 s after the last such line.
    """

    def __init__(
        self,
        plan: Plan,
        earlier: Sequence[TrialRecord] = (),
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`earlier`: trials of earlier sessions; one that had not ended counts once it starts."""
        self._console = console or Console()
        self._clock = clock
        self._standing = Standing(plan, earlier, clock())
        self._lock = Lock()  # the driver changes the standing while rich's thread draws it
        self._beat = clock()
        utf = self._console.encoding.lower().startswith("utf")
        live = self._console.file.isatty() and not self._console.is_dumb_terminal and utf
        self._live = (
            Live(self, console=self._console, refresh_per_second=REFRESHES_PER_S) if live else None
        )

    def __enter__(self) -> Progress:
        """Show the view, or tell in a line what runs."""
        if self._live is not None:
            self._live.start(refresh=True)
        else:
            plan = self._standing.plan
            self.notify(f"{plan.sweep}: {plan.search} search, {plan.stop} stop, {plan.machines}")
            if self._standing.ended:
                self.notify(self._heartbeat())
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the final state on the screen, also when an error ends the sweep."""
        with self._lock:
            self._standing.over = True
        if self._live is not None:
            self._live.stop()
        else:
            self.notify(self._heartbeat())

    def started(self, trial: TrialRecord, description: str = "") -> None:
        """A trial takes a slot. `description`: words beside it, if not those of its source."""
        if not description and trial.source is not None:
            description = trial.source.told
        with self._lock:
            self._standing.start(trial, description, self._clock())
        if self._live is None and description and not trial.trained:
            self.notify(f"{trial.id} {description}")

    def epoch(self, trial: str, epoch: int, metrics: Mapping[str, float], place: str = "") -> None:
        """A running trial's epoch (from 1) ended, on `place` ("member/machine") if known."""
        with self._lock:
            leads = self._standing.epoch(trial, epoch, metrics, one_line(place), self._clock())
            best, metric = self._standing.best, self._standing.plan.objective.metric
        if self._live is None:
            if leads and best is not None:
                self.notify(f"{trial} leads: {metric} {score(best.value)} at epoch {best.epoch}")
            self._beat_if_due()

    def paused(self, trial: str) -> None:
        """A trial gave its slot back, and may go on later."""
        with self._lock:
            self._standing.pause(trial)

    def ended(self, trial: TrialRecord) -> None:
        """A trial gave its slot back, or could not take one."""
        with self._lock:
            self._standing.end(trial, self._clock())
            infeasible = self._standing.infeasible if trial.state is State.INFEASIBLE else 0
        if self._live is not None:
            return
        if infeasible < 2:
            params = "".join(f" {key}={number(value)}" for key, value in trial.params.items())
            if trial.repeat_of is not None:
                params = f" {trial.repeat_of} again"
            told = outcome(trial, self._standing.plan.objective)
            self.notify(f"{trial.id} {told}; {duration(trial.seconds)};{params}".rstrip(";"))
        elif infeasible == 2:
            self.notify("further infeasible trials are only counted; all are in trials.csv")
        self._beat_if_due()

    def spent(self, spent: Spent) -> None:
        """What of the budget is used, told before the event that is shown with it."""
        with self._lock:
            self._standing.spent = spent, self._clock()

    def repeats_planned(self, trials: int) -> None:
        """Show that the search is over, and how many trials there will be with the repeats."""
        with self._lock:
            plan = self._standing.plan  # which no limit of the budget bounds any more
            self._standing.plan = replace(plan, trials=trials, budget_s=None, budget=UNLIMITED)

    def notify(self, message: str) -> None:
        """Show a message on a line of its own, above the live view."""
        line = Text(encodable(one_line(message), self._console.encoding))
        self._console.print(line, soft_wrap=True, highlight=False)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """The view at this moment; rich calls this at every refresh, from its own thread."""
        with self._lock:
            height = console.size.height - 1  # the cursor keeps a line
            lines = frame(self._standing, self._clock(), options.max_width, height)
        for line in lines:
            line.no_wrap = True
            yield line

    def _beat_if_due(self) -> None:
        if self._clock() - self._beat >= HEARTBEAT_S:
            self._beat = self._clock()
            self.notify(self._heartbeat())

    def _heartbeat(self) -> str:
        standing, now = self._standing, self._clock()
        of = "" if standing.plan.trials is None else f" of {standing.plan.trials}"
        line = f"{duration(now - standing.began)}: {standing.counted}{of} trials ended"
        line += f" ({standing.counts})"
        if (best := standing.best) is not None:
            line += f"; best {score(best.value)}, trial {best.trial.id}"
        if (left_s := standing.left_s(now)) is not None:
            line += f"; about {duration(left_s)} left"
        if left := standing.budget(now):
            line += f"; budget left: {left}"
        return line
