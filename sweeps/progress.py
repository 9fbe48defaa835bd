"""What a person sees while a sweep runs: one live view in a terminal, plain lines elsewhere.

From pure to visible: `Standing` (what is known of the sweep, fed by events), `frame` (its lines)
and `Progress` (shows them). One thread, the driver's, calls
`Progress`; a second one, rich's, redraws the view four times a second.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.live import Live
from rich.text import Text

from sweeps.budget import UNLIMITED, Budget, Spent
from sweeps.ending import (
    FAILED,
    GAP,
    bar,
    cell,
    clip,
    counts,
    duration,
    encodable,
    fit,
    number,
    one_line,
    outcome,
    pairs,
    score,
)
from sweeps.eta import eta
from sweeps.records import Objective, Ranked, State, TrialRecord

HEARTBEAT_S = 30.0  # between two lines that only say that all is well
REFRESHES_PER_S = 4.0
ENOUGH_EPOCHS = 3  # to guess from, before a trial has ended: the first epochs include start-up


@dataclass(frozen=True)
class Plan:
    """What is known of a sweep before it runs.

    Attributes:
        search, stop: what proposes trials and what stops them, in a word each ("tpe", "asha").
        machines: where it runs, in words ("4 at once on atlas").
        trials: in all, those of earlier sessions and repeats included; None if only time bounds
            them.
        epochs: the most a trial runs, unless `epochs` is among its parameters.
        slots: trials that run at once.
        budget_s: seconds that a budget of time leaves to this session, if there is one.
        budget: all limits, of which is told what is left.
    """

    sweep: str
    objective: Objective
    search: str
    stop: str
    machines: str
    trials: int | None
    epochs: int
    slots: int
    budget_s: float | None = None
    budget: Budget = UNLIMITED


@dataclass
class _Running:
    """A trial in a slot. Its seconds and epochs include those of earlier sessions."""

    trial: TrialRecord
    description: str
    place: str
    since: float  # the clock when it would have begun, had it never been interrupted
    seconds: float  # at its last epoch
    epoch: int
    value: float | None


class Standing:
    """What is known of a sweep while it runs. Time comes in with each event, as `now`."""

    def __init__(self, plan: Plan, earlier: Sequence[TrialRecord], now: float) -> None:
        """Begin a session, knowing the trials that ended in earlier ones."""
        self.plan, self.began, self.over = plan, now, False
        self.ended: dict[str, tuple[State, float]] = {}  # trial -> how, after how many seconds
        self.derived = 0  # of those that ended, how many no search had proposed
        self.infeasible = 0  # proposals that never took a slot
        self.running: dict[str, _Running] = {}
        self.paused: set[str] = set()
        self.best: Ranked | None = None
        self.failure = ""  # the last one of this session, in words
        self.widths: dict[str, int] = {}  # parameter -> cells of its widest value so far
        self.places: set[str] = set()
        self.spent: tuple[Spent, float] | None = None  # as last told, and when
        self._leads: dict[str, Ranked] = {}  # trial -> its best epoch, unless it failed
        self._epochs, self._epochs_s = 0, 0.0
        for trial in earlier:
            if trial.state.ended:
                self._epochs += trial.trained
                self._epochs_s += trial.seconds
                self.end(trial, now)
        self.failure = ""

    def start(self, trial: TrialRecord, description: str, now: float) -> None:
        """A trial takes a slot, perhaps not for the first time."""
        self.ended.pop(trial.id, None)
        self.paused.discard(trial.id)
        epoch = trial.last_epoch
        value = trial.epochs[epoch].get(self.plan.objective.metric) if epoch else None
        place, since = self._meet(trial), now - trial.seconds
        self.running[trial.id] = _Running(
            trial, one_line(description), place, since, trial.seconds, epoch, value
        )
        self._lead(trial, trial.best(self.plan.objective))

    def epoch(
        self, trial: str, epoch: int, metrics: Mapping[str, float], place: str, now: float
    ) -> bool:
        """An epoch ended; whether its trial thereby took the lead from another."""
        if (running := self.running.get(trial)) is None:
            return False
        seconds = now - running.since
        self._epochs += 1
        self._epochs_s += seconds - running.seconds
        running.epoch, running.seconds = epoch, seconds
        running.value = metrics.get(self.plan.objective.metric)
        if place:
            running.place = place
            self.places.add(place)
        held, before = self._leads.get(trial), self.best
        better = self.plan.objective.better
        if running.value is not None and (held is None or better(running.value, held.value)):
            self._lead(running.trial, (epoch, running.value))
        after = self.best
        return after is not None and (before is None or after.trial.id != before.trial.id)

    def pause(self, trial: str) -> None:
        """A trial gives its slot back, perhaps for a while."""
        if self.running.pop(trial, None):
            self.paused.add(trial)

    def end(self, trial: TrialRecord, now: float) -> None:
        """A trial gives its slot back, or never took one."""
        self.paused.discard(trial.id)
        if trial.state is State.INFEASIBLE:
            self.infeasible += 1
            return
        running = self.running.pop(trial.id, None)
        self.derived += trial.source is not None
        self.ended[trial.id] = trial.state, now - running.since if running else trial.seconds
        self._meet(trial)
        self._lead(trial, trial.best(self.plan.objective) if trial.state.scored else None)
        if trial.state in FAILED:
            self.failure = f"{trial.id} {outcome(trial, self.plan.objective)}"

    @property
    def proposed(self) -> int:
        """How many of the trials that have ended the search has proposed."""
        return len(self.ended) - self.derived

    @property
    def counts(self) -> str:
        """How many trials run, and how the others ended."""
        states = Counter(state for state, _ in self.ended.values())
        told = counts({**states, State.INFEASIBLE: self.infeasible})
        if self.paused:
            told += f" · {len(self.paused)} paused"
        word = "unfinished" if self.over else "running"
        return f"{len(self.running)} {word} · {told}" if self.running or not self.over else told

    def length(self, running: _Running) -> int:
        """The most epochs that a trial runs."""
        swept = running.trial.params.get("epochs")
        return swept if isinstance(swept, int) else self.plan.epochs

    def left_s(self, now: float) -> float | None:
        """Seconds until the sweep ends, or None when it has, or while it is too early to tell."""
        budget_s = self.plan.budget_s
        left_s = None if budget_s is None else max(self.began + budget_s - now, 0.0)
        if self.over or self.plan.trials is None:
            return None if self.over else left_s
        scored = any(state.scored for state, _ in self.ended.values())
        if not scored and self._epochs < ENOUGH_EPOCHS:
            return None
        pace = self._epochs_s / max(self._epochs, 1)
        running = [
            (now - r.since, self.length(r) * (r.seconds / r.epoch if r.epoch else pace))
            for r in self.running.values()
        ]
        waiting = max(self.plan.trials - self.proposed - len(running) - len(self.paused), 0)
        lasted = [seconds for _, seconds in self.ended.values()]
        return eta(lasted, running, waiting, self.plan.slots, left_s)

    def budget(self, now: float) -> str:
        """What is left of the budget besides its trials, which are told by their number."""
        if self.spent is None or self.over:
            return ""
        spent, told = self.spent
        return self.plan.budget.left(replace(spent, hours=spent.hours + (now - told) / 3600))

    def _meet(self, trial: TrialRecord) -> str:
        """Note how wide its values are, so that columns do not jump, and where it runs."""
        for key, value in trial.params.items():
            self.widths[key] = max(self.widths.get(key, 1), cell_len(number(value)))
        place = one_line("/".join(filter(None, (trial.member, trial.machine))))
        self.places |= {place} if place else set()
        return place

    def _lead(self, trial: TrialRecord, best: tuple[int, float] | None) -> None:
        """Set a trial's best epoch, or drop it, and with it the best of all."""
        if trial.repeat_of is not None:
            return  # the best of the search is who it is, and its repeats are told by their means
        if best is not None and not math.isnan(best[1]):
            self._leads[trial.id] = Ranked(trial, *best)
        else:
            self._leads.pop(trial.id, None)
        own, better = self._leads.get(trial.id), self.plan.objective.better
        rivals = [] if own is None else [own]
        if self.best is not None and self.best.trial.id == trial.id:
            if own is None or better(self.best.value, own.value):  # else it leads as it did
                rivals = list(self._leads.values())
            self.best = None
        for rival in rivals:
            if self.best is None or better(rival.value, self.best.value):
                self.best = rival


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
    plan, elapsed, ended = standing.plan, now - standing.began, standing.proposed
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


class Progress:
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
            self.note(f"{plan.sweep}: {plan.search} search, {plan.stop} stop, {plan.machines}")
            if self._standing.ended:
                self.note(self._heartbeat())
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the final state on the screen, also when an error ends the sweep."""
        with self._lock:
            self._standing.over = True
        if self._live is not None:
            self._live.stop()
        else:
            self.note(self._heartbeat())

    def started(self, trial: TrialRecord, description: str = "") -> None:
        """A trial takes a slot. `description`: words beside it, if not those of its source."""
        if not description and trial.source is not None:
            description = trial.source.told
        with self._lock:
            self._standing.start(trial, description, self._clock())
        if self._live is None and description and not trial.trained:
            self.note(f"{trial.id} {description}")

    def epoch(self, trial: str, epoch: int, metrics: Mapping[str, float], place: str = "") -> None:
        """A running trial's epoch (from 1) ended, on `place` ("member/machine") if known."""
        with self._lock:
            leads = self._standing.epoch(trial, epoch, metrics, one_line(place), self._clock())
            best, metric = self._standing.best, self._standing.plan.objective.metric
        if self._live is None:
            if leads and best is not None:
                self.note(f"{trial} leads: {metric} {score(best.value)} at epoch {best.epoch}")
            self._beat_if_due()

    def paused(self, trial: str) -> None:
        """A trial gave its slot back, and may go on later."""
        with self._lock:
            self._standing.pause(trial)

    def ended(self, trial: TrialRecord) -> None:
        """A trial gave its slot back, or could not take one."""
        with self._lock:
            self._standing.end(trial, self._clock())
        if self._live is None:
            params = "".join(f" {key}={number(value)}" for key, value in trial.params.items())
            if trial.repeat_of is not None:
                params = f" {trial.repeat_of} again"
            told = outcome(trial, self._standing.plan.objective)
            self.note(f"{trial.id} {told}; {duration(trial.seconds)};{params}".rstrip(";"))
            self._beat_if_due()

    def spent(self, spent: Spent) -> None:
        """What of the budget is used, told before the event that is shown with it."""
        with self._lock:
            self._standing.spent = spent, self._clock()

    def again(self, trials: int) -> None:
        """The search is over; with those that run the best again, there will be so many trials."""
        with self._lock:
            plan = self._standing.plan  # which no limit of the budget bounds any more
            self._standing.plan = replace(plan, trials=trials, budget_s=None, budget=UNLIMITED)

    def note(self, text: str) -> None:
        """Tell something on a line of its own, above the live view."""
        line = Text(encodable(one_line(text), self._console.encoding))
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
            self.note(self._heartbeat())

    def _heartbeat(self) -> str:
        standing, now = self._standing, self._clock()
        of = "" if standing.plan.trials is None else f" of {standing.plan.trials}"
        line = f"{duration(now - standing.began)}: {standing.proposed}{of} trials ended"
        line += f" ({standing.counts})"
        if (best := standing.best) is not None:
            line += f"; best {score(best.value)}, trial {best.trial.id}"
        if (left_s := standing.left_s(now)) is not None:
            line += f"; about {duration(left_s)} left"
        if left := standing.budget(now):
            line += f"; budget left: {left}"
        return line
