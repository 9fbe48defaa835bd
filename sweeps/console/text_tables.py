"""Lay out the tables that close a sweep in a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

from sweeps.formatting import (
    CELL,
    GAP,
    cell,
    clip,
    fit,
    number,
    pairs,
    score,
    state_words,
)
from sweeps.report.closing import Ending
from sweeps.report.repeat_means import repeated
from sweeps.trials import Objective, Ranked, scores

FRONT = 12  # trials of a trade-off that are listed

SEEDS = 20  # configurations that are listed with their means over seeds


def section(title: str, remark: str = "") -> list[Text]:
    """Head a section, with a dim remark beside its title."""
    return [Text(""), Text.assemble((title, "bold"), (f"{GAP}{remark}" if remark else "", "dim"))]


def best_table(best: Sequence[Ranked], ending: Ending, width: int) -> Iterator[Text]:
    """List the best trials, with as many of their values as fit."""
    if not best:
        return
    objective = ending.objective
    metric = clip(objective.metric, 2 * CELL)
    heads = ("", "trial", metric, "epoch", "state")
    rights = (False, False, True, True, False)
    rows = [
        (str(rank), r.trial.id, _scored(r, objective), str(r.epoch), state_words(r.trial.state))
        for rank, r in enumerate(best, 1)
    ]
    sizes = [max(map(cell_len, column)) for column in zip(heads, *rows, strict=True)]
    widest: dict[str, int] = {}
    for r in best:
        for key, value in r.trial.params.items():
            widest[key] = max(widest.get(key, 1), cell_len(number(value)))
    columns = fit(widest, width - sum(sizes) - len(GAP) * (len(sizes) - 1))
    remark = f"{'highest' if objective.maximize else 'lowest'} {metric} first"
    if left_out := len(widest) - len(columns):
        remark += f"; {left_out} more parameter{'s' if left_out > 1 else ''} in trials.csv"
    if any(_spread(r, objective) is not None for r in best):
        remark += "; means ± standard deviation over seeds"
    if ending.baseline is not None and best[0].trial.number > 0:
        remark += f"; {score(ending.baseline)} without any change"
    yield from section("Best trials", remark)

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


def front_table(ending: Ending, width: int) -> Iterator[Text]:
    """List the trade-off between several objectives: trials that no other beats in all."""
    if not ending.front:
        return
    goals = [f"{'high' if o.maximize else 'low'} {o.metric}" for o in ending.objectives]
    yield from section("Trade-off", f"{' against '.join(goals)}: trials that no other beats in all")
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
    """Format the value of a trial, with the spread over its seeds if it is a mean."""
    spread = _spread(ranked, objective)
    return score(ranked.value) + ("" if spread is None else f" ± {score(spread)}")


def _spread(ranked: Ranked, objective: Objective) -> float | None:
    return ranked.trial.epochs[ranked.epoch].get(f"{objective.metric}_sd")


def reruns_table(ending: Ending) -> Iterator[Text]:
    """List the best trials rerun with fresh seeds, and the verdict."""
    if not ending.reruns:
        return
    metric = ending.objective.metric
    yield from section("Run again with fresh seeds", f"best {metric}; ± 95 %")
    yield Text(f"{'trial':<5}{GAP}{'search':>7}{GAP}{'rerun':<18}{GAP}seeds", "dim")
    for row in ending.reruns:
        margin = "" if math.isinf(row.high) else f"± {score(row.high - row.mean)}"
        early = f"{GAP}dropped early" if row.dropped else ""
        searched = f"{cell(row.trial, 5)}{GAP}{score(row.score):>7}{GAP}"
        yield Text(f"{searched}{f'{score(row.mean)} {margin}':<18}{GAP}{row.seeds:>5}{early}")
    yield from (Text(line) for line in ending.verdict)


def ablation_table(ending: Ending, width: int) -> Iterator[Text]:
    """List the ablation sheet: each change with its effect and the verdict."""
    baseline, *rows = ending.sheet
    metric = ending.objective.metric
    yield from section("Against the baseline", f"best {metric}; ± 95 %, where several seeds ran")
    yield Text(f"{score(baseline.mean):>17}{GAP}{'baseline':<18}{GAP}runs: {baseline.trials}")
    for row in rows:
        margin = "" if math.isnan(row.margin) else f"± {score(row.margin)}"
        effect = f"{row.difference:+.4f} {margin:<9}"
        style = {"worked": "green", "hurt": "red"}.get(row.verdict, "")
        change = clip(row.overrides, max(width - 40, CELL))
        yield Text.assemble(f"{effect:>17}{GAP}", (f"{row.verdict:<18}", style), GAP, change)


def seeds_table(ending: Ending, width: int) -> Iterator[Text]:
    """List each configuration with its mean and spread, where the seed was swept."""
    rows = repeated(ending.trials, ending.objective)
    if not rows:
        return
    counts = {row.trials for row in rows}
    each = f"{counts.pop()} each" if len(counts) == 1 else "as many as ended well"
    metric = ending.objective.metric
    yield from section("Over seeds", f"{each}; best {metric}, and its mean at these epochs")
    heads = [f"{'best':<15}", *(f"{f'at {mark}':>6}" for mark in rows[0].curve)]
    yield Text(GAP.join(heads), "dim")
    for row in rows[:SEEDS]:
        spread = "" if math.isnan(row.sd) else f"± {score(row.sd)}"
        cells = [f"{score(row.mean)} {spread:<8}"]
        cells += [f"{'' if math.isnan(v) else score(v):>6}" for v in row.curve.values()]
        figures = GAP.join(cells)
        params = pairs(row.params, width - cell_len(figures) - len(GAP))
        yield Text(figures + GAP + params, no_wrap=True)
    if len(rows) > SEEDS:
        yield Text(f"… and {len(rows) - SEEDS} more, in seeds.csv", "dim")
