"""What is printed when a sweep ends: its best trials, what mattered, where things are, what next.

`show` is the whole of it. The small functions above it say how counts, scores, values and times
are written; the progress view writes them alike.
"""

from __future__ import annotations

import math
import os
import re
import shlex
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from sweeps.report.repeat_means import repeated
from sweeps.trials import Ending, Objective, Ranked, State, TrialRecord, ranking, scores

BEST = 5  # trials in the table
IMPORTANCES = 8  # parameters with a bar
FRONT = 12  # trials of a trade-off
SEEDS = 20  # configurations that are told over their seeds
REASONS = 3  # kinds of failure that are told
REASON = 300  # characters of a reason that are told
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


def show(console: Console, ending: Ending) -> None:
    """Print how the sweep ended. Only what is there to be copied may exceed the width."""
    ranked = ranking(list(ending.trials), ending.objective)
    parts = [
        _headline(ending),
        _table(ranked[:BEST], ending, console.width),
        _front(ending, console.width),
        _best(ending),
        _again(ending),
        _sheet(ending, console.width) if ending.sheet else _over_seeds(ending, console.width),
        _importances(ending, console.width),
        _failures(ending.trials, console.width),
        _paths(ending.paths),
        _next(ending.next_commands, console.width),
    ]
    for line in (line for part in parts for line in part):
        if not console.encoding.lower().startswith("utf"):
            line.plain = encodable(line.plain, console.encoding)
        console.print(line, soft_wrap=line.overflow == "ignore", highlight=False)


def _copy(text: str) -> Text:
    """A line to be copied: never cut nor broken, whatever the width."""
    return Text(text, "cyan", overflow="ignore")


def _section(title: str, note: str = "") -> list[Text]:
    return [Text(""), Text.assemble((title, "bold"), (f"{GAP}{note}" if note else "", "dim"))]


def _headline(ending: Ending) -> Iterator[Text]:
    trials = ending.trials
    states = Counter(trial.state for trial in trials)
    unfinished = f" · {states[State.RUNNING]} unfinished" if states[State.RUNNING] else ""
    told = f"{len(trials)} trial{'' if len(trials) == 1 else 's'} in {duration(ending.wall_s)}"
    if repeats := sum(trial.repeat_of is not None for trial in trials):
        told += f", {repeats} of them repeats"
    yield Text.assemble((ending.sweep, "bold"), f"{GAP}{told}: {counts(states)}{unfinished}")
    if ending.stopped_because:
        yield Text(f"Ended before its budget did: {one_line(ending.stopped_because)}")
    if ending.overhead is not None:
        times = f"{duration(ending.train_s)} of training in all slots together"
        yield Text(f"{times}; overhead {ending.overhead:.1%} of their time", "dim")
    if trials and all(trial.state in FAILED for trial in trials):
        yield Text("Every trial failed.", "yellow")
    elif not any(trial.state.scored for trial in trials):
        yield Text("No trial was finished.", "yellow")


def _table(best: Sequence[Ranked], ending: Ending, width: int) -> Iterator[Text]:
    if not best:
        return
    objective = ending.objective
    metric = clip(objective.metric, 2 * CELL)
    heads = ("", "trial", metric, "epoch", "state")
    rights = (False, False, True, True, False)
    rows = [
        (str(rank), r.trial.id, _scored(r, objective), str(r.epoch), _WORDS[r.trial.state])
        for rank, r in enumerate(best, 1)
    ]
    sizes = [max(map(cell_len, column)) for column in zip(heads, *rows, strict=True)]
    widest: dict[str, int] = {}
    for r in best:
        for key, value in r.trial.params.items():
            widest[key] = max(widest.get(key, 1), cell_len(number(value)))
    columns = fit(widest, width - sum(sizes) - len(GAP) * (len(sizes) - 1))
    note = f"{'highest' if objective.maximize else 'lowest'} {metric} first"
    if left_out := len(widest) - len(columns):
        note += f"; {left_out} more parameter{'s' if left_out > 1 else ''} in the records"
    if any(_spread(r, objective) is not None for r in best):
        note += "; means ± standard deviation over seeds"
    if ending.baseline is not None and best[0].trial.number > 0:
        note += f"; {score(ending.baseline)} without any change"
    yield from _section("Best trials", note)

    def line(fixed: tuple[str, ...], params: Iterable[str], style: str) -> Text:
        cells = [cell(*each) for each in zip(fixed, sizes, rights, strict=True)]
        cells += [cell(p, size, True) for p, (_, _, size) in zip(params, columns, strict=True)]
        text = Text(GAP.join(cells).rstrip(), style, no_wrap=True)
        text.truncate(width, overflow="ellipsis")
        return text

    yield line(heads, (name for _, name, _ in columns), "dim")
    for row, r in zip(rows, best, strict=True):
        params = r.trial.params
        values = (number(params[key]) if key in params else "" for key, _, _ in columns)
        yield line(row, values, "bold" if r is best[0] else "")


def _front(ending: Ending, width: int) -> Iterator[Text]:
    """The trade-off between several objectives: who is not beaten in all of them."""
    if not ending.front:
        return
    goals = [f"{'high' if o.maximize else 'low'} {o.metric}" for o in ending.objectives]
    yield from _section(
        "Trade-off", f"{' against '.join(goals)}: trials that no other beats in all"
    )
    heads = [objective.metric for objective in ending.objectives]
    rows = [
        [f"{value:,.0f}" if float(value).is_integer() else score(value) for value in values]
        for ranked in ending.front
        if (values := scores(ranked.trial, ending.objectives)) is not None
    ]
    sizes = [max(map(cell_len, column)) for column in zip(heads, *rows, strict=True)]
    room = width - sum(sizes) - len(GAP) * (len(sizes) + 1) - 5

    def line(first: str, cells: Sequence[str]) -> str:
        padded = (cell(text, size, True) for text, size in zip(cells, sizes, strict=True))
        return GAP.join([cell(first, 5), *padded])

    yield Text(line("trial", heads), "dim")
    for ranked, row in list(zip(ending.front, rows, strict=True))[:FRONT]:
        params = pairs(ranked.trial.params, room)
        yield Text(f"{line(ranked.trial.id, row)}{GAP}{params}", no_wrap=True)
    if len(rows) > FRONT:
        yield Text(f"… and {len(rows) - FRONT} more, in pareto.csv", "dim")


def _scored(ranked: Ranked, objective: Objective) -> str:
    """Its value, with the spread of its runs if it is a mean."""
    spread = _spread(ranked, objective)
    return score(ranked.value) + ("" if spread is None else f" ± {score(spread)}")


def _spread(ranked: Ranked, objective: Objective) -> float | None:
    return ranked.trial.epochs[ranked.epoch].get(f"{objective.metric}_sd")


def _best(ending: Ending) -> Iterator[Text]:
    if ending.overrides:
        yield from _section("Train the best configuration")
        yield _copy(paste(ending.overrides))
    if ending.test:
        yield from _section("On the test part", "with the best trial's checkpoint")
        told = (f"{one_line(metric)} {score(value)}" for metric, value in ending.test.items())
        yield Text(GAP.join(told))
    if ending.diagnosis:
        yield from _section("On the validation part", "the same; pictures are in diagnosis/")
        yield Text(ending.diagnosis)


def _again(ending: Ending) -> Iterator[Text]:
    """The best with fresh seeds, and what that says."""
    if not ending.reruns:
        return
    metric = ending.objective.metric
    yield from _section("Run again with fresh seeds", f"best {metric}; ± 95 %")
    yield Text(f"{'trial':<5}{GAP}{'search':>7}{GAP}{'again':<18}{GAP}seeds", "dim")
    for row in ending.reruns:
        margin = "" if math.isinf(row.high) else f"± {score(row.high - row.mean)}"
        early = f"{GAP}dropped early" if row.dropped else ""
        told = f"{cell(row.trial, 5)}{GAP}{score(row.score):>7}{GAP}"
        yield Text(f"{told}{f'{score(row.mean)} {margin}':<18}{GAP}{row.seeds:>5}{early}")
    yield from (Text(line) for line in ending.verdict)


def _sheet(ending: Ending, width: int) -> Iterator[Text]:
    """The ablation sheet: each change with its effect, as far as that is certain."""
    baseline, *rows = ending.sheet
    metric = ending.objective.metric
    yield from _section("Against the baseline", f"best {metric}; ± 95 %, where several seeds ran")
    yield Text(f"{score(baseline.mean):>17}{GAP}{'baseline':<18}{GAP}runs: {baseline.trials}")
    for row in rows:
        margin = "" if math.isnan(row.margin) else f"± {score(row.margin)}"
        told = f"{row.difference:+.4f} {margin:<9}"
        style = {"worked": "green", "hurt": "red"}.get(row.verdict, "")
        change = clip(row.told, max(width - 40, CELL))
        yield Text.assemble(f"{told:>17}{GAP}", (f"{row.verdict:<18}", style), GAP, change)


def _over_seeds(ending: Ending, width: int) -> Iterator[Text]:
    """Each configuration with its mean and spread, where the seed was swept."""
    rows = repeated(ending.trials, ending.objective)
    if not rows:
        return
    counts = {row.trials for row in rows}
    each = f"{counts.pop()} each" if len(counts) == 1 else "as many as ended well"
    metric = ending.objective.metric
    yield from _section("Over seeds", f"{each}; best {metric}, and its mean at these epochs")
    heads = [f"{'best':<15}", *(f"{f'at {mark}':>6}" for mark in rows[0].curve)]
    yield Text(GAP.join(heads), "dim")
    for row in rows[:SEEDS]:
        spread = "" if math.isnan(row.sd) else f"± {score(row.sd)}"
        cells = [f"{score(row.mean)} {spread:<8}"]
        cells += [f"{'' if math.isnan(v) else score(v):>6}" for v in row.curve.values()]
        told = GAP.join(cells)
        yield Text(told + GAP + pairs(row.params, width - cell_len(told) - len(GAP)), no_wrap=True)
    if len(rows) > SEEDS:
        yield Text(f"… and {len(rows) - SEEDS} more, in seeds.csv", "dim")


def _importances(ending: Ending, width: int) -> Iterator[Text]:
    if not ending.importances:
        return
    shown = ending.importances[:IMPORTANCES]
    evaluators = list(dict.fromkeys(name for importance in shown for name in importance.values))
    yield from _section("What mattered", "share of the variation, by " + " and ".join(evaluators))
    names = short_names(importance.parameter for importance in shown)
    longest = min(max(map(cell_len, names.values())), 2 * CELL)
    length = min(max(width - longest - len(GAP) - 6 * len(evaluators), 4), 30)
    for importance in shown:
        shares = [importance.values.get(evaluator) for evaluator in evaluators]
        name = cell(names[importance.parameter], longest)
        figures = "".join(f"{GAP}{'   -' if s is None else f'{s:.2f}'}" for s in shares)
        yield Text.assemble(name, GAP, bar(shares[0] or 0.0, length), figures)
    if len(ending.importances) > len(shown):
        yield Text(f"… and {len(ending.importances) - len(shown)} more", "dim")
    if ending.importances_note:
        yield Text(one_line(ending.importances_note), "yellow")


def _failures(trials: Sequence[TrialRecord], width: int) -> Iterator[Text]:
    """The most common reasons; those that differ in figures only are one kind."""
    kinds: dict[str, list[TrialRecord]] = {}
    for trial in trials:
        if trial.state in (*FAILED, State.INFEASIBLE):
            kind = re.sub(r"\d+(\.\d+)?", "#", f"{trial.state.value} {one_line(trial.reason)}")
            kinds.setdefault(kind, []).append(trial)
    if not kinds:
        return
    yield from _section("Failures", "the most common first")
    common = sorted(kinds.values(), key=len, reverse=True)
    for alike in common[:REASONS]:
        reason = clip(one_line(alike[0].reason), REASON) or "no reason was recorded"
        told = f"{len(alike):>4}{GAP}{alike[0].state.value}, such as {alike[0].id}: {reason}"
        yield from map(Text, textwrap.wrap(told, width, subsequent_indent=" " * 6))
    if rest := sum(map(len, common[REASONS:])):
        yield Text(f"{rest:>4}{GAP}for other reasons", "dim")


def _paths(paths: Mapping[str, str]) -> Iterator[Text]:
    if not paths:
        return
    yield from _section("Where things are")
    longest = max(map(cell_len, paths))
    for what, path in paths.items():
        relative = path if "://" in path else os.path.relpath(path)
        shorter = relative if len(relative) < len(path) else path
        yield Text(f"{cell(what, longest)}{GAP}{shorter}", overflow="ignore")


def _next(commands: Mapping[str, str], width: int) -> Iterator[Text]:
    if not commands:
        return
    yield from _section("Next")
    longest = max(map(cell_len, commands))
    beside = longest + len(GAP) + max(map(cell_len, commands.values())) <= width
    for command, what in commands.items():
        if beside:
            yield Text.assemble((cell(command, longest), "cyan"), GAP, (what, "dim"))
        else:
            yield from (_copy(command), Text(f"{GAP}{what}", "dim"))


_WORDS = {State.COMPLETE: "done", State.STOPPED: "stopped early"}
