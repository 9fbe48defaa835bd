"""Format numbers, times, names and cells for a person to read."""

from __future__ import annotations

import math
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from sweeps.trials import Objective, State, TrialRecord
from trainers.config.hydra_grammar import written

#: The folder of results, unless `results=` names another.
RESULTS = "results"

CELL = 14  # cells of a table column, at most

GAP = "  "

SHORT_HEAD = 6  # cells of a heading, at least, where room is short

LEARNING_RATE = "optimizer.lr"

FAILED = (State.FAILED, State.DIVERGED)

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")

_ASCII = str.maketrans({"━": "#", "─": "-", "…": "~", "·": "|"})

#: Metrics that are shares of 1 by their name.
_SHARES = ("acc", "accuracy", "f1", "precision", "recall", "auc")

_WORDS = {State.COMPLETE: "done", State.STOPPED: "stopped early"}


def duration(seconds: float) -> str:
    """Format seconds: 1:23, or 1:02:03 from an hour on."""
    minutes, second = divmod(round(max(seconds, 0.0)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def size_text(count: float) -> str:
    """Format a number of bytes: 12.3 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def score(value: float) -> str:
    """Format a metric: 0.9833, 17,012, or 3.2e-05 where these are too few or too many digits."""
    if value == 0 or 1e-3 <= abs(value) < 1e4 or not math.isfinite(value):
        return f"{value:.4f}"
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.1e}"


def number(value: object) -> str:
    """Format a parameter's value in Hydra's grammar, short and not exact: 128, 3.2e-04, true."""
    return one_line(written(value, _short))


def counted(number: float, what: str) -> str:
    """Write a count of things whose plural ends in s: "1 card", "2.5 cards"."""
    text = f"{number:g}" if isinstance(number, float) else str(number)
    return f"{text} {what}" if number == 1 else f"{text} {what}s"


def _short(value: float) -> str:
    if 0 < abs(value) < 0.01 or abs(value) >= 1e5:
        return f"{value:.1e}"
    exact = repr(value)  # a momentum of 0.9995 is not 1
    return exact if len(exact) <= 6 else f"{value:.3g}"


def one_line(text: str) -> str:
    """Put a text on one line, without terminal escapes or other control characters."""
    text = _ESCAPES.sub("", text)
    return " ".join("".join(c for c in text if c.isprintable() or c.isspace()).split())


def encodable(text: str, encoding: str) -> str:
    """Replace the characters that an encoding lacks, so that printing the text cannot fail."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
    return text


def clip(text: str, width: int) -> str:
    """Shorten a text to at most `width` cells of a terminal; a shortened text ends in …."""
    return text if cell_len(text) <= width else set_cell_size(text, max(width - 1, 0)) + "…"


def bar(share: float, width: int, style: str = "cyan") -> Text:
    """Draw a bar that needs no colours: thick up to the share (0 to 1), then thin."""
    full = round(min(max(share, 0.0), 1.0) * width)
    return Text.assemble(("━" * full, style), ("─" * (width - full), "dim"))


def counts(states: Mapping[State, int], infeasible: int = 0, replaced: int = 0) -> str:
    """Count trials by end: "31 done · 5 stopped early, beside 6 infeasible"; zeros only of done.

    Args:
        infeasible: proposals that were not trained, and are none of the trials.
        replaced: trials that gave way to another, with which they are counted.
    """
    parts = [
        (states.get(State.COMPLETE, 0), "done"),
        (states.get(State.STOPPED, 0), "stopped early"),
        (sum(states.get(state, 0) for state in FAILED), "failed"),
        (states.get(State.ABANDONED, 0), "abandoned"),
    ]
    text = " · ".join(f"{n} {word}" for n, word in parts if n or word == "done")
    beside = ", ".join(
        f"{n} {w}" for n, w in ((replaced, "replaced"), (infeasible, "infeasible")) if n
    )
    return f"{text}, beside {beside}" if beside else text


def short_names(keys: Iterable[str]) -> dict[str, str]:
    """Map each dotted key to the shortest end of it that no other key shares."""
    parts = {key: key.split(".") for key in keys}

    def end(key: str, length: int) -> str:
        return ".".join(parts[key][-length:])

    names = {}
    for key in parts:
        length = 1
        while length < len(parts[key]) and any(
            end(other, length) == end(key, length) for other in parts if other != key
        ):
            length += 1
        names[key] = one_line(end(key, length))
    return names


def fit(widths: Mapping[str, int], room: int) -> list[tuple[str, str, int]]:
    """Choose the columns for which there is room, in order, as (key, heading, width).

    Headings are shortened where that makes room for another column. The learning rate has a
    column before all others have.

    Args:
        widths: key -> cells of its widest value; the most important first.
        room: cells for all columns together, with the gap before each.
    """
    names = short_names(widths)
    whole = {key: min(max(cell_len(names[key]), widest), CELL) for key, widest in widths.items()}
    short = {
        key: min(max(min(cell_len(names[key]), SHORT_HEAD), widest), CELL)
        for key, widest in widths.items()
    }
    heads = Counter(clip(names[key], short[key]) for key in widths)
    for key in widths:
        if heads[clip(names[key], short[key])] > 1:  # nobody could tell which is which
            short[key] = whole[key]
    chosen = _fitting(whole, room)
    if len(more := _fitting(short, room)) > len(chosen):
        chosen = more
    left = room - sum(width + len(GAP) for width in chosen.values())
    for key, width in chosen.items():  # what is left lengthens headings again
        longer = min(whole[key] - width, left)
        chosen[key], left = width + longer, left - longer
    return [(key, names[key], width) for key, width in chosen.items()]


def _fitting(widths: Mapping[str, int], room: int) -> dict[str, int]:
    """Choose keys whose columns fit beside each other, in order; the learning rate goes first."""
    chosen = set()
    for key in sorted(widths, key=lambda key: key != LEARNING_RATE):
        if widths[key] + len(GAP) <= room:
            chosen.add(key)
            room -= widths[key] + len(GAP)
    return {key: width for key, width in widths.items() if key in chosen}


def pairs(params: Mapping[str, object], room: int) -> str:
    """Format parameters, "lr 3.2e-04  width 128": as many as fit in `room` cells, none cut."""
    names = short_names(params)
    texts = {key: f"{names[key]} {clip(number(value), 24)}" for key, value in params.items()}
    widths = {key: cell_len(text) for key, text in texts.items()}
    return GAP.join(texts[key] for key in _fitting(widths, room + len(GAP)))


def cell(text: str, width: int, right: bool = False) -> str:
    """Clip or pad a text to exactly `width` cells."""
    text = clip(text, width)
    padding = " " * (width - cell_len(text))
    return padding + text if right else text + padding


def state_words(state: State) -> str:
    """Name a state as it is printed: "done", "stopped early", "failed"."""
    return _WORDS.get(state, state.value)


def outcome(trial: TrialRecord, objective: Objective) -> str:
    """Describe a trial's end: "done: val_accuracy 0.9833 at epoch 9", "failed: out of memory"."""
    text = state_words(trial.state)
    if trial.state is not State.COMPLETE and trial.last_epoch:
        text += f" after epoch {trial.last_epoch}"
    best = trial.best(objective) if trial.state.scored else None
    if best is not None:
        text += f": {objective.metric} {score(best[1])} at epoch {best[0]}"
    reason = one_line(trial.reason)
    if not reason:
        return text
    return f"{text} ({reason})" if trial.state.scored else f"{text}: {reason}"


def command(
    target: str,
    sweep: str = "",
    results: str | Path = RESULTS,
    words: Sequence[str] = (),
    train: str = "",
) -> str:
    """Write a `make` command to be copied, quoted for the shell.

    Args:
        sweep: name of the sweep that the command is about; empty: it makes one of its own.
        results: folder of the sweep's results, which is named where it is not the usual one.
        words: further overrides or options.
        train: number of the training that the command is about, instead of a sweep.
    """
    parts = [f"make {target}"]
    if train:
        parts.append(f"TRAIN={shlex.quote(train)}")
    if sweep:
        parts.append(f"SWEEP={shlex.quote(sweep)}")
    where = [] if str(results) == RESULTS else [f"results={results}"]
    if where or words:
        parts.append(arguments([*where, *words]))
    return " ".join(parts)


def arguments(words: Sequence[str]) -> str:
    """Write the variable ARGS with these overrides, quoted for the shell."""
    line = " ".join(shlex.quote(word) for word in words)
    escaped = re.sub(r'([\\"`$])', r"\\\1", line)
    return f'ARGS="{escaped}"'


@dataclass(frozen=True)
class Unit:
    """Writes values of an objective.

    Attributes:
        metric: its name.
        points: whether it is a share of 1, whose differences are written in points (0.01).
    """

    metric: str
    points: bool

    @classmethod
    def of(cls, metric: str, values: list[float]) -> Unit:
        """Return the unit of a metric: points only if its name and all values say so."""
        named = any(word in _SHARES for word in metric.lower().replace("-", "_").split("_"))
        return cls(metric, named and bool(values) and all(0 <= value <= 1 for value in values))

    def value(self, value: float) -> str:
        """Write a value: 97.35 % or 0.0312."""
        return f"{100 * value:.2f} %" if self.points else score(value)

    def size(self, difference: float) -> str:
        """Write the size of a difference without its sign and unit: 0.42."""
        size = abs(difference) * (100 if self.points else 1)
        if self.points and (size >= 0.095 or size == 0):
            return f"{size:.1f}" if size >= 0.95 else f"{size:.2f}"
        return f"{size:.2g}" if 1e-4 <= size < 100 or size == 0 else score(size)

    def change(self, difference: float, margin: float = math.nan) -> str:
        """Write a signed difference with its margin and unit: +0.4 ± 0.3 points."""
        sign = "-" if difference < 0 else "+"
        text = f"{sign}{self.size(difference)}"
        if math.isfinite(margin):
            text += f" ± {self.size(margin)}"
        return f"{text} {self.noun}"

    @property
    def noun(self) -> str:
        """Name the unit of a difference."""
        return "points" if self.points else self.metric
