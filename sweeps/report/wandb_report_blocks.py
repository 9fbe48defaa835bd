"""Lay out the W&B report of sweeps: what was found in words, then panels over their runs.

Text goes in as plain text, never as markup: names and remarks are other people's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sweeps.config.keys import value_at
from sweeps.findings.finding import Findings, Topic
from sweeps.formatting import command, number, one_line, pairs, score, short_names
from sweeps.recorded.diagnosed import diagnosed_other
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.redaction import redacted_text
from sweeps.space.dimensions import Interval
from sweeps.tracking.run_id import run_id
from sweeps.trials import SEED, Objective, State

#: Axes of parallel coordinates, and plots of single parameters, at most: the most important.
_AXES, _SCATTERS = 10, 6
#: Units of W&B's grid: its width, and the height of a panel.
_WIDE, _HIGH = 24, 9
#: Runs of a line plot, which would show ten.
_MOST_RUNS = 10_000
#: Statements and remarks of a list, at most: a report is read.
_MOST_LINES = 200

_TOPICS = {
    Topic.WINNER: "The winner",
    Topic.EFFECT: "What worked, what did not",
    Topic.IMPORTANCE: "What mattered",
    Topic.EDGE: "The edges of the space",
    Topic.STOPPING: "Early stopping",
    Topic.WASTE: "Waste",
    Topic.NEXT: "What next",
}


@dataclass(frozen=True)
class ReportedSweep:
    """Describes a sweep that is in a report.

    Attributes:
        entity, project: where its runs are.
        run_url: what the address of a run begins with, before its id.
        mixed: whether its group has runs of other sweeps of its name, which are to be left out.
    """

    sweep: RecordedSweep
    findings: Findings
    entity: str
    project: str
    run_url: str
    mixed: bool

    @property
    def group(self) -> str:
        """Return the group of its runs: the name that it had when it ran."""
        return str(self.sweep.config["name"])

    def run(self, trial: str) -> str:
        """Return the id of a trial's run, or with `summary` that of the sweep's own."""
        return run_id(self.group, self.sweep.uid, trial)


def blocks(reported: Sequence[ReportedSweep]) -> list[Any]:
    """Make the blocks of the report: findings, then the panels, several sweeps side by side."""
    import wandb_workspaces.reports.v2 as wr

    made: list[Any] = [*_head(reported), wr.TableOfContents()]
    for one in reported:
        made += _found(one, alone=len(reported) == 1)
    for objective in dict.fromkeys(one.sweep.objective for one in reported):
        same = [one for one in reported if one.sweep.objective == objective]
        several = len({one.sweep.objective for one in reported}) > 1
        made += _panels(same, objective, f": {objective.metric}" if several else "")
    for one in reported:
        made += _best_trial(one, alone=len(reported) == 1)
    return [*made, *_remarks(reported)]


def title(reported: Sequence[ReportedSweep]) -> str:
    """Name the report: its sweeps and what they looked for, in W&B's 128 characters."""
    goals = dict.fromkeys(one.sweep.objective.goal for one in reported)
    text = f"{', '.join(one.sweep.name for one in reported)}: {', '.join(goals)}"
    return text if len(text) <= 128 else f"{text[:127]}…"


def _head(reported: Sequence[ReportedSweep]) -> list[Any]:
    import wandb_workspaces.reports.v2 as wr

    lines = []
    for one in reported:
        trials = one.sweep.trials
        running = sum(trial.state is State.RUNNING for trial in trials)
        still = f", {running} of them still running" if running else ""
        lines.append(f"{one.sweep.name}: {len(trials)} trials{still}.")
    now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    again = command("report", " ".join(one.sweep.name for one in reported), words=["to=wandb"])
    return [
        wr.P(" ".join(lines)),
        wr.P(
            [
                f"Written from the record on {now}. This writes it anew, in the place of what is "
                "changed here: ",
                wr.InlineCode(again),
            ]
        ),
    ]


def _found(one: ReportedSweep, alone: bool) -> list[Any]:
    """State what was found, topic by topic; commands can be copied."""
    import wandb_workspaces.reports.v2 as wr

    made: list[Any] = [wr.H1("What was found" if alone else f"{one.sweep.name}: what was found")]
    if not one.findings.statements:
        made.append(wr.P("Nothing yet."))
    for topic, heading in _TOPICS.items():
        statements = one.findings.about(topic)
        if not statements:
            continue
        made.append(wr.H2(heading))
        made.append(_list(one_line(statement.sentence) for statement in statements))
        for statement in statements:
            if statement.command:
                made.append(wr.CodeBlock(code=redacted_text(statement.command), language=None))
    return made


def _panels(reported: Sequence[ReportedSweep], objective: Objective, of: str) -> list[Any]:
    """Show importance, curves, parameters and the differences of runs, of one objective."""
    import wandb_workspaces.reports.v2 as wr

    best = f"best_{objective.metric}"
    keys = _keys(reported)
    runsets = [_trials(one, objective) for one in reported]
    notes = dict.fromkeys(one.findings.importances_note for one in reported)
    made: list[Any] = [wr.H1(f"What mattered{of}")]
    made += [wr.P(note) for note in notes if note]
    made.append(_grid(runsets, [_importance(best), *_coordinates(reported, keys, best)]))
    made += [wr.H1(f"Learning curves{of}"), _grid(runsets, _curves(reported, objective))]
    if scatters := [_scatter(reported, key, best) for key in keys[:_SCATTERS]]:
        made += [wr.H1(f"The main parameters{of}"), _grid(runsets, scatters)]
    compare = wr.RunComparer(diff_only="split", layout=_place(0, _WIDE, 2 * _HIGH))
    made += [wr.H1(f"Runs compared{of}"), _grid(runsets, [compare])]
    return made


def _importance(best: str) -> Any:
    import wandb_workspaces.reports.v2 as wr

    return wr.ParameterImportancePlot(with_respect_to=best, layout=_place(0, _WIDE // 3))


def _coordinates(
    reported: Sequence[ReportedSweep], keys: Sequence[str], best: str
) -> Iterable[Any]:
    import wandb_workspaces.reports.v2 as wr

    if not keys:
        return
    names = short_names(keys)
    columns = [
        wr.ParallelCoordinatesPlotColumn(
            wr.Config(_config_key(reported, key)),
            display_name=names[key],
            log=_is_log(reported, key) or None,
        )
        for key in keys[:_AXES]
    ]
    columns.append(wr.ParallelCoordinatesPlotColumn(wr.SummaryMetric(best)))
    place = wr.Layout(x=_WIDE // 3, y=0, w=_WIDE - _WIDE // 3, h=_HIGH)
    yield wr.ParallelCoordinatesPlot(columns=columns, title="", layout=place)


def _curves(reported: Sequence[ReportedSweep], objective: Objective) -> list[Any]:
    """Draw the metrics of all runs by epoch, the objective's first and largest."""
    import wandb_workspaces.reports.v2 as wr

    there = {
        metric
        for one in reported
        for trial in one.sweep.trials
        for epoch in trial.epochs.values()
        for metric in epoch
    }
    others = ("val_loss", "train_loss", "val_accuracy", "train_accuracy", "lr", "samples_per_s")
    metrics = [objective.metric, *(m for m in others if m in there and m != objective.metric)]
    runs = min(_MOST_RUNS, sum(len(one.sweep.trials) for one in reported))
    return [
        wr.LinePlot(
            title=metric,
            x="epoch",
            y=[metric],
            log_y=True if metric == "lr" else None,
            max_runs_to_show=max(runs, 1),
            layout=_place(0, _WIDE) if place == 0 else _place(place - 1, _WIDE // 2, above=_HIGH),
        )
        for place, metric in enumerate(metrics)
    ]


def _scatter(reported: Sequence[ReportedSweep], key: str, best: str) -> Any:
    import wandb_workspaces.reports.v2 as wr

    keys = _keys(reported)
    return wr.ScatterPlot(
        title=f"{best} by {one_line(key)}",
        x=wr.Config(_config_key(reported, key)),
        y=wr.SummaryMetric(best),
        log_x=_is_log(reported, key) or None,
        layout=_place(keys.index(key), _WIDE // 3),
    )


def _best_trial(one: ReportedSweep, alone: bool) -> list[Any]:
    """Show the best trial, and the tables and pictures that the sweep's own run has of it."""
    import wandb_workspaces.reports.v2 as wr

    ranked = one.sweep.ranked
    made: list[Any] = [wr.H1("The best trial" if alone else f"{one.sweep.name}: the best trial")]
    if not ranked:
        return [*made, wr.P("No trial has a score yet.")]
    best = ranked[0]
    words = redacted_text(pairs(best.trial.params, 10_000))
    made.append(
        wr.P(
            [
                wr.Link(best.trial.id, f"{one.run_url}{one.run(best.trial.id)}"),
                f": {one.sweep.objective.metric} {score(best.value)} after epoch {best.epoch}"
                f"{': ' if words else ''}{words}",
            ]
        )
    )
    runset = wr.Runset(entity=one.entity, project=one.project, name=one.sweep.name)
    own = _only(runset, {"name": one.run("summary")})
    seen = one.sweep.folder.path / "diagnosis"
    of_best = not diagnosed_other(one.sweep)
    drawn = sorted(path.stem for path in seen.glob("*.png")) if of_best else []
    classes = [name for name in ("classes", "confusion") if (seen / f"{name}.csv").is_file()]
    tables = [
        *(f"best/{name}" for name in classes if of_best),
        *(["findings"] if one.findings.statements else []),
        *(["importances"] if one.findings.importances else []),
        *("sheet", "trials"),
    ]
    panels: list[Any] = [
        wr.WeavePanelSummaryTable(table_name=f"tables/{table}", layout=_place(place, _WIDE // 2))
        for place, table in enumerate(tables)
    ]
    if drawn:
        below = -(-len(tables) // 2) * _HIGH
        keys = [f"pictures/{name}" for name in drawn]
        place = _place(0, _WIDE, 2 * _HIGH, above=below)
        panels.append(wr.MediaBrowser(media_keys=keys, num_columns=len(keys), layout=place))
    return [*made, _grid([own], panels)]


def _remarks(reported: Sequence[ReportedSweep]) -> list[Any]:
    import wandb_workspaces.reports.v2 as wr

    lines = [
        f"{one.sweep.name + ' ' if len(reported) > 1 else ''}{remark_line(remark)}"
        for one in reported
        for remark in one.sweep.remarks
    ]
    return [wr.H1("Remarks"), _list(lines)] if lines else []


def remark_line(remark: Any) -> str:
    """Write a remark on one line: trial, text, who and when."""
    day = datetime.fromtimestamp(remark.at, timezone.utc).strftime("%Y-%m-%d")
    return f"{remark.trial}: {one_line(remark.text)} ({one_line(remark.by)}, {day})"


def _trials(one: ReportedSweep, objective: Objective) -> Any:
    """Select the trials' runs of a sweep, the best first, with columns of what is swept."""
    import wandb_workspaces.reports.v2 as wr

    best = f"best_{objective.metric}"
    columns = [f"summary:{best}"]
    for key in _keys([one]):
        first, _, rest = _config_key([one], key).partition(".")
        columns.append(f"config:{first}.value{'.' + rest if rest else ''}")
    runset = wr.Runset(
        entity=one.entity,
        project=one.project,
        name=one.sweep.name,
        order=[wr.OrderBy(wr.SummaryMetric(best), ascending=not objective.maximize)],
        pinned_columns=columns,
    )
    ours = {"name": [one.run(trial.id) for trial in one.sweep.trials]} if one.mixed else {}
    return _only(runset, {"group": one.group, "jobType": "trial", **ours})


def _only(runset: Any, attributes: Mapping[str, Any]) -> Any:
    """Let a run set have the runs with these attributes; of a list, with one of its values.

    Not by wandb-workspaces' own expressions: these are parsed again from text, and a name with
    a quote, a backslash or < in it would come out as another.
    """
    filters = [
        {
            "key": {"section": "run", "name": name},
            "op": "IN" if isinstance(value, list) else "=",
            "value": value,
            "disabled": False,
            **({"connector": "AND"} if place else {}),
        }
        for place, (name, value) in enumerate(attributes.items())
    ]
    runset._stashed_filter_string = runset.filters
    runset._stashed_filters_v2 = {"filterFormat": "filterV2", "filters": filters}
    return runset


def _keys(reported: Sequence[ReportedSweep]) -> list[str]:
    """List the swept keys of sweeps, the most important of each first; the seed has no order."""
    found: dict[str, None] = {}
    for one in reported:
        order = [importance.parameter for importance in one.findings.importances]
        swept = list(one.sweep.dimensions)
        found.update(dict.fromkeys([key for key in order if key in swept]))
    for one in reported:
        found.update(dict.fromkeys(one.sweep.dimensions))
    return [key for key in found if key != SEED]


def _config_key(reported: Sequence[ReportedSweep], key: str) -> str:
    """Return where a run's configuration has a swept key: a group's choice is beside its values."""
    for one in reported:
        if key in one.sweep.dimensions:
            try:
                group = isinstance(value_at(one.sweep.config, key), Mapping)
            except KeyError:
                group = False
            if group:
                return f"choices.{key}"
    return key


def _is_log(reported: Sequence[ReportedSweep], key: str) -> bool:
    dimensions = [one.sweep.dimensions.get(key) for one in reported]
    return any(isinstance(one, Interval) and one.log for one in dimensions)


def _list(lines: Iterable[str]) -> Any:
    import wandb_workspaces.reports.v2 as wr

    whole = [redacted_text(line) for line in lines]
    left = len(whole) - _MOST_LINES
    more = [f"and {number(left)} more"] if left > 0 else []
    return wr.UnorderedList([*whole[:_MOST_LINES], *more])


def _grid(runsets: Sequence[Any], panels: Sequence[Any]) -> Any:
    import wandb_workspaces.reports.v2 as wr

    return wr.PanelGrid(runsets=list(runsets), panels=list(panels))


def _place(place: int, wide: int, high: int = _HIGH, above: int = 0) -> Any:
    """Return where the panel of this place is, in rows of panels of this width."""
    import wandb_workspaces.reports.v2 as wr

    row, column = divmod(place, _WIDE // wide)
    return wr.Layout(x=column * wide, y=above + row * high, w=wide, h=high)
