"""Make the ablation sheet of a sweep: a column a trial, a row for each thing to compare.

The rows are those of the course's sheet. What differs between trials comes first, then the
results; what is equal in all of them is folded away at the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sweeps.findings.finding import Findings
from sweeps.formatting import one_line
from sweeps.recorded.recorded_sweep import WANDB, RecordedSweep
from sweeps.report.sheet_words import Words, cell, is_number
from sweeps.tracking.run_id import run_id
from sweeps.trials import State, TrialRecord

#: Rows that are never folded, equal or not.
_ALWAYS = ("title", "what worked / did not")
#: How many colours a row of numbers has: a tenth of the trials each.
TENTHS = 10


@dataclass(frozen=True)
class SheetRow:
    """Holds one row of the sheet.

    Attributes:
        name: as the first column has it, such as "dev accuracy".
        values: of each trial, in the order of the columns: a number, a text, or None.
        folded: equal in all trials, so that it is shown on request only.
        higher_is_better: of numbers that are results; None: its values are no better or worse.
        key: the swept key or the metric that it shows alone; empty if it shows several or none.
    """

    name: str
    values: tuple[Any, ...]
    folded: bool = False
    higher_is_better: bool | None = None
    key: str = ""

    def tenths(self) -> tuple[int | None, ...]:
        """Return for each value its tenth by rank, 9 the best; None where there is no colour.

        Equal values share a tenth, and where all are equal there is nothing to tell apart.
        """
        better = self.higher_is_better
        found = sorted({float(v) for v in self.values if is_number(v)}, reverse=better is False)
        if better is None or len(found) < 2:
            return (None,) * len(self.values)
        step = (TENTHS - 1) / (len(found) - 1)
        tenth = {value: round(place * step) for place, value in enumerate(found)}
        return tuple(tenth[float(v)] if is_number(v) else None for v in self.values)


@dataclass(frozen=True)
class Sheet:
    """Holds the ablation sheet of a sweep, as plain data.

    Attributes:
        sweep: its name.
        trials: their ids, the order of the columns: the baseline, then the best first, then
            those without a score.
        states: of each trial, such as "complete".
        rows: what differs first, then the results, what is equal in all trials at the end.
        best: id of the winner; empty if there is none.
        baseline: id of the trial that the titles compare with; empty if it is none of them.
        links: trial -> its address in W&B, of those that are there.
        scale: what the colours of results mean, in words.
    """

    sweep: str
    trials: tuple[str, ...]
    states: tuple[str, ...]
    rows: tuple[SheetRow, ...]
    best: str
    baseline: str
    links: Mapping[str, str]
    scale: str = (
        "colours: tenths of the trials by rank within the row, the darkest the best; "
        "the best trial is outlined"
    )


def sheet(
    sweep: RecordedSweep, findings: Findings, links: Mapping[str, str] | None = None
) -> Sheet:
    """Make the sheet of a sweep, whether it has ended or runs.

    Args:
        findings: whose effects say what worked; empty ones say nothing.
        links: trial -> its address in W&B; None: as the record says where its runs are.
    """
    trials = _columns(sweep)
    words = Words(sweep, findings)
    rows = [
        SheetRow("title", tuple(words.title(trial) for trial in trials)),
        *(_row(name, trials, of, key) for name, of, key in _configuration(sweep, words)),
        *_results(sweep, trials),
        SheetRow("what worked / did not", tuple(words.verdict(trial) for trial in trials)),
        _row("notes", trials, _notes(sweep)),
        _row("state", trials, _state),
    ]
    ranked = sweep.ranked
    baseline = sweep.baseline
    found = _links(sweep) if links is None else links
    return Sheet(
        sweep=sweep.name,
        trials=tuple(trial.id for trial in trials),
        states=tuple(trial.state.value for trial in trials),
        rows=tuple(sorted(rows, key=lambda row: row.folded)),
        best=ranked[0].trial.id if ranked else "",
        baseline=baseline.id if baseline else "",
        links={trial.id: found[trial.id] for trial in trials if trial.id in found},
    )


def _links(sweep: RecordedSweep) -> dict[str, str]:
    """Return trial -> its address in W&B, where the study's attribute `wandb` has the project's."""
    known = sweep.attributes.get(WANDB)
    address = str(known.get("project_url", "")) if isinstance(known, Mapping) else ""
    if not address.startswith(("https://", "http://")):
        return {}  # never seen online, or no address at all: a record may be somebody else's
    name = str(sweep.config["name"])
    return {
        trial.id: f"{address}/runs/{run_id(name, sweep.uid, trial.id)}"
        for trial in sweep.trials
        if trial.epochs
    }


def _columns(sweep: RecordedSweep) -> list[TrialRecord]:
    """Order the trials: the baseline, the best first, each with its repeats, then the others."""
    baseline = sweep.baseline
    first = [] if baseline is None else [baseline]
    repeats: dict[str, list[TrialRecord]] = {}
    for trial in sweep.trials:
        if trial.repeat_of is not None:
            repeats.setdefault(trial.repeat_of, []).append(trial)
    ordered: dict[str, TrialRecord] = {}
    for trial in (*first, *(ranked.trial for ranked in sweep.ranked), *sweep.trials):
        for one in (trial, *repeats.get(trial.id, ())):
            ordered.setdefault(one.id, one)
    return list(ordered.values())


_Cell = Callable[[TrialRecord], Any]


def _configuration(sweep: RecordedSweep, words: Words) -> list[tuple[str, _Cell, str]]:
    """List the rows of the configuration: name, what a trial has there, the key of it."""

    def at(key: str) -> _Cell:
        return lambda trial: cell(words.value(trial, key))

    return [
        ("name", lambda trial: one_line(trial.member or trial.machine), ""),
        ("data set and share", words.data, ""),
        ("context", at("data.context"), "data.context"),
        ("layers", words.layers, ""),
        ("norm", words.choice("norm", ("position", "layers")), ""),
        ("dropout", words.dropout, "model.dropout"),
        ("activation", words.choice("activation", ()), ""),
        ("lr", at("optimizer.lr"), "optimizer.lr"),
        ("schedule", words.choice("schedule", None), ""),
        ("optimizer", words.choice("optimizer", None), ""),
        ("epochs", words.epochs, ""),
        ("batch size", at("batch_size"), "batch_size"),
        ("others", words.others, ""),
    ]


def _results(sweep: RecordedSweep, trials: Sequence[TrialRecord]) -> list[SheetRow]:
    """Return the rows of results: each trial's at its best epoch, and what was tested."""
    objective = sweep.objective
    known = {metric for t in trials for epoch in t.epochs.values() for metric in epoch}
    accuracy = "val_accuracy" if "val_accuracy" in known or not known else objective.metric
    rows = {
        "train_loss": ("train loss", False),
        "val_loss": ("dev loss", False),
        accuracy: (f"dev {accuracy.removeprefix('val_')}", True),
    }
    # What ranks the trials has its own direction, and a row even if the course's sheet has none.
    rows[objective.metric] = (
        rows.get(objective.metric, (f"dev {objective.metric.removeprefix('val_')}",))[0],
        objective.maximize,
    )
    for further in sweep.objectives[1:]:
        name = rows.get(further.metric, (further.metric.replace("_", " "),))[0]
        rows[further.metric] = (name, further.maximize)
    made = [
        SheetRow(name, tuple(_at_best(sweep, t, metric) for t in trials), False, better, metric)
        for metric, (name, better) in rows.items()
    ]
    test = f"test_{accuracy.removeprefix('val_')}"
    measured = _tested(sweep, test)
    tested = tuple(measured.get(trial.id) for trial in trials)
    better = objective.maximize if accuracy == objective.metric else True
    return [*made, SheetRow(test.replace("_", " ", 1), tested, False, better, test)]


def _at_best(sweep: RecordedSweep, trial: TrialRecord, metric: str) -> float | str | None:
    """Return a metric at a trial's best epoch; None if its epochs are no results."""
    best = sweep.best_epochs[trial.id]
    if best is None or not (trial.state.scored or trial.state is State.RUNNING):
        return None
    value: float | str | None = cell(trial.epochs[best[0]].get(metric))
    return value


def _tested(sweep: RecordedSweep, metric: str) -> dict[str, float]:
    """Return trial -> what was measured on the test part: of the best, once it was."""
    try:
        best = json.loads(sweep.folder.summary.read_text(encoding="utf-8"))["best"]
        value = best[metric]
        return {str(best["trial"]): float(value)} if is_number(value) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # it runs, or nothing has been tested


def _notes(sweep: RecordedSweep) -> _Cell:
    told: dict[str, list[str]] = {}
    for remark in sweep.remarks:
        try:
            day = datetime.fromtimestamp(remark.at, timezone.utc).strftime("%Y-%m-%d")
        except (ValueError, OverflowError, OSError):
            day = "?"  # another program's
        told.setdefault(remark.trial, []).append(f"{remark.text} ({remark.by}, {day})")
    return lambda trial: "\n".join(told.get(trial.id, ()))


def _state(trial: TrialRecord) -> str:
    reason = one_line(trial.reason)
    return f"{trial.state.value}: {reason}" if reason else trial.state.value


def _row(name: str, trials: Sequence[TrialRecord], of: _Cell, key: str = "") -> SheetRow:
    values = tuple(map(of, trials))
    equal = len(values) > 1 and len(set(map(repr, values))) == 1
    return SheetRow(name, values, folded=equal and name not in _ALWAYS, key=key)
