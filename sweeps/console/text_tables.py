"""Lay out the tables that close a sweep in a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.text import Text

from sweeps.console.columns import Column, LaidOut, shortened, table
from sweeps.formatting import CELL, GAP, cell, clip, score, state_words
from sweeps.repeats.repeat_means import repeated
from sweeps.report.closing import Ending
from sweeps.trials import Objective, Ranked, scores

FRONT = 12  # trials of a trade-off that are listed

SEEDS = 20  # configurations that are listed with their means over seeds


def section(title: str, remark: str = "") -> list[Text]:
    """Head a section, with a dim remark beside its title."""
    return [Text(""), Text.assemble((title, "bold"), (f"{GAP}{remark}" if remark else "", "dim"))]


def best_table(best: Sequence[Ranked], ending: Ending, width: int) -> Iterator[Text]:
    """List the best trials with their values, the most important parameters first."""
    if not best:
        return
    objective = ending.objective
    metric = clip(objective.metric, 2 * CELL)
    figures = [
        Column("", [str(rank) for rank, _ in enumerate(best, 1)], left=True, spare=1),
        Column("trial", [r.trial.id for r in best], left=True),
        Column(metric, [_scored(r, objective) for r in best], short="best"),
        Column("epoch", [str(r.epoch) for r in best], spare=3),
        Column("state", [state_words(r.trial.state) for r in best], left=True, spare=2),
    ]
    laid = table(figures, [r.trial.params for r in best], _order(ending), width)
    remark = f"{'highest' if objective.maximize else 'lowest'} {metric} first"
    remark += _left_out(laid, "trials.csv")
    if any(_spread(r, objective) is not None for r in best):
        remark += "; means ± standard deviation over seeds"
    if ending.baseline is not None and best[0].trial.number > 0:
        remark += f"; {score(ending.baseline)} without any change"
    yield from section("Best trials", remark)
    head, first, *others = laid.lines
    first.stylize("bold")
    yield from (head, first, *others)


def front_table(ending: Ending, width: int) -> Iterator[Text]:
    """List the trade-off between several objectives: trials that no other beats in all."""
    if not ending.front:
        return
    goals = [f"{'high' if o.maximize else 'low'} {o.metric}" for o in ending.objectives]
    remark = f"{' against '.join(goals)}: trials that no other beats in all"
    rows = [
        (ranked.trial, [_figure(value) for value in values])
        for ranked in ending.front
        if (values := scores(ranked.trial, ending.objectives)) is not None
    ]
    shown = rows[:FRONT]
    figures = [Column("trial", [trial.id for trial, _ in shown], left=True)]
    for index, objective in enumerate(ending.objectives):
        cells = [values[index] for _, values in shown]
        short = shortened(objective.metric, cells)
        figures.append(Column(objective.metric, cells, short=short))
    laid = table(figures, [trial.params for trial, _ in shown], _order(ending), width)
    yield from section("Trade-off", remark + _left_out(laid, "pareto.csv"))
    yield from laid.lines
    if len(rows) > FRONT:
        yield Text(f"… and {len(rows) - FRONT} more, in pareto.csv", "dim")


def _figure(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else score(value)


def _order(ending: Ending) -> list[str]:
    """List the parameters by importance, as far as it is known."""
    return [importance.parameter for importance in ending.findings.importances]


def _left_out(laid: LaidOut, file: str) -> str:
    """Say how many parameters have no column."""
    count = laid.left_out
    return f"; {count} more parameter{'s' if count > 1 else ''} in {file}" if count else ""


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
    margins = ["" if math.isnan(row.margin) else f"± {score(row.margin)}" for row in rows]
    seen = ["baseline", *(row.verdict for row in rows)]
    figures = [
        Column("effect", [score(baseline.mean), *(f"{row.difference:+.4f}" for row in rows)]),
        Column("", ["", *margins], left=True, spare=1),
        Column("runs", [str(row.trials) for row in ending.sheet], spare=2),
        Column("verdict", seen, left=True),
    ]
    figures.append(Column("change", ["", *(row.overrides for row in rows)], left=True))
    head, first, *others = table(figures, [{}] * len(seen), [], width).lines
    yield from (head, first)
    for row, line in zip(rows, others, strict=True):
        if style := {"worked": "green", "hurt": "red"}.get(row.verdict):
            line.highlight_words([row.verdict], style)
        yield line


def seeds_table(ending: Ending, width: int) -> Iterator[Text]:
    """List each configuration with its mean and spread, where the seed was swept."""
    rows = repeated(ending.trials, ending.objective)
    if not rows:
        return
    counts = {row.trials for row in rows}
    each = f"{counts.pop()} each" if len(counts) == 1 else "as many as ended well"
    shown = rows[:SEEDS]
    figures = [
        Column("best", [score(row.mean) for row in shown]),
        Column(
            "",
            ["" if math.isnan(row.sd) else f"± {score(row.sd)}" for row in shown],
            left=True,
            spare=1,
        ),
    ]
    marks = list(rows[0].curve)
    needed = [marks[-1], *marks[:-1]]  # where a curve ends, then how it begins
    for mark in marks:
        values = (row.curve[mark] for row in shown)
        cells = ["" if math.isnan(value) else score(value) for value in values]
        figures.append(Column(f"at {mark}", cells, spare=2 + needed.index(mark)))
    laid = table(figures, [row.params for row in shown], _order(ending), width)
    remark = f"{each}; best {ending.objective.metric}, and its mean after so many epochs"
    yield from section("Over seeds", remark + _left_out(laid, "seeds.csv"))
    yield from laid.lines
    if len(rows) > SEEDS:
        yield Text(f"… and {len(rows) - SEEDS} more, in seeds.csv", "dim")
