"""Format numbers, times, names and cells for a person to read."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from sweeps.trials import Objective, State, TrialRecord

CELL = 14  # cells a column of the table takes at most

GAP = "  "

FAILED = (State.FAILED, State.DIVERGED)

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")

_ASCII = str.maketrans({"━": "#", "─": "-", "…": "~", "·": "|"})


def duration(seconds: float) -> str:
    """1:23, or 1:02:03 from an hour on."""
    minutes, second = divmod(round(max(seconds, 0.0)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def score(value: float) -> str:
    """A metric: 0.9833, or 3.2e-05 where four decimals would say too little or too much."""
    if value == 0 or 1e-3 <= abs(value) < 1e4 or not math.isfinite(value):
        return f"{value:.4f}"
    return f"{value:.1e}"


def number(value: object) -> str:
    """A parameter's value, short: 128, 0.25, 3.2e-04, adamw, true. Not exact."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float):
        if 0 < abs(value) < 0.01 or abs(value) >= 1e5:
            return f"{value:.1e}"
        exact = repr(value)  # a momentum of 0.9995 is not 1
        return exact if len(exact) <= 6 else f"{value:.3g}"
    return one_line(str(value))


def one_line(text: str) -> str:
    """The text on one line, without terminal escapes or other control characters."""
    text = _ESCAPES.sub("", text)
    return " ".join("".join(c for c in text if c.isprintable() or c.isspace()).split())


def encodable(text: str, encoding: str) -> str:
    """The text with what the encoding lacks replaced, so that printing it cannot fail."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
    return text


def clip(text: str, width: int) -> str:
    """The text in at most so many cells of a terminal, ending in … when something is missing."""
    return text if cell_len(text) <= width else set_cell_size(text, max(width - 1, 0)) + "…"


def bar(share: float, width: int, style: str = "cyan") -> Text:
    """A bar that is legible without colours: thick as far as the share (0 to 1), then thin."""
    full = round(min(max(share, 0.0), 1.0) * width)
    return Text.assemble(("━" * full, style), ("─" * (width - full), "dim"))


def counts(states: Mapping[State, int]) -> str:
    """How trials ended: "31 done · 5 stopped early · 4 failed"; only the first is told if 0."""
    told = [
        (states.get(State.COMPLETE, 0), "done"),
        (states.get(State.STOPPED, 0), "stopped early"),
        (sum(states.get(state, 0) for state in FAILED), "failed"),
        (states.get(State.INFEASIBLE, 0), "infeasible"),
        (states.get(State.ABANDONED, 0), "abandoned"),
    ]
    return " · ".join(f"{n} {word}" for n, word in told if n or word == "done")


def short_names(keys: Iterable[str]) -> dict[str, str]:
    """Each dotted key -> the shortest end of it that no other key shares."""
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
    """The columns for which there is room, in order, as (key, heading, width).

    Args:
        widths: key -> cells of its widest value.
        room: cells for all columns together with the gap before each.
    """
    names = short_names(widths)
    columns = []
    for key, widest in widths.items():
        width = min(max(cell_len(names[key]), widest), CELL)
        if width + len(GAP) <= room:
            columns.append((key, names[key], width))
            room -= width + len(GAP)
    return columns


def pairs(params: Mapping[str, object], room: int) -> str:
    """As many of "lr 3.2e-04  width 128" as the room (in cells) takes; none is cut."""
    names = short_names(params)
    told = ""
    for key, value in params.items():
        longer = f"{told}{GAP if told else ''}{names[key]} {clip(number(value), 24)}"
        if cell_len(longer) <= room:
            told = longer
    return told


def cell(text: str, width: int, right: bool = False) -> str:
    """The text in exactly so many cells."""
    text = clip(text, width)
    padding = " " * (width - cell_len(text))
    return padding + text if right else text + padding


def outcome(trial: TrialRecord, objective: Objective) -> str:
    """How a trial ended: "done: val_accuracy 0.9833 at epoch 9", "failed: out of memory"."""
    told = _WORDS.get(trial.state, trial.state.value)
    if trial.state is not State.COMPLETE and trial.last_epoch:
        told += f" after epoch {trial.last_epoch}"
    best = trial.best(objective) if trial.state.scored else None
    if best is not None:
        told += f": {objective.metric} {score(best[1])} at epoch {best[0]}"
    reason = one_line(trial.reason)
    if not reason:
        return told
    return f"{told} ({reason})" if trial.state.scored else f"{told}: {reason}"


def paste(overrides: Sequence[str], target: str = "train") -> str:
    """The `make` command with these overrides, quoted for the shell and for make."""
    words = " ".join(shlex.quote(override) for override in overrides)
    quoted = re.sub(r'([\\"`$])', r"\\\1", words.replace("$", "$$"))
    return f'make {target} ARGS="{quoted}"'


_WORDS = {State.COMPLETE: "done", State.STOPPED: "stopped early"}
