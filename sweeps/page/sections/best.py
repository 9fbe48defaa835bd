"""Write what the best trial is, what it scores, and how to use it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from markupsafe import Markup

from sweeps.config.overrides import assignments
from sweeps.config.schema import Kind, is_of
from sweeps.formatting import command, number, one_line, score
from sweeps.page.elements import code, joined, paragraph, table, trial_link
from sweeps.page.reviewed import Reviewed
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.trials import Ranked, TrialRecord

_LOAD = """\
import torch

state = torch.load({path!r}, weights_only=True)
"""


def best_trial(reviewed: Reviewed) -> Markup:
    """Write the best trial of a sweep: configuration, scores, and the commands that use it."""
    sweep = reviewed.sweep
    ranked = sweep.ranked
    if not ranked:
        return paragraph("No trial has a score yet.")
    best = ranked[0]
    return joined(
        [
            _sentence(reviewed, best),
            _configuration(sweep, best.trial),
            Markup("<h3>How to use it</h3>\n"),
            _use(sweep, best),
        ]
    )


def _sentence(reviewed: Reviewed, best: Ranked) -> Markup:
    tested = _tested(reviewed.sweep, best)
    measured = ", ".join(f"{one_line(metric)} {score(value)}" for metric, value in tested.items())
    return paragraph(
        trial_link(reviewed.key(best.trial.id)),
        f": {reviewed.sweep.objective.metric} {score(best.value)} on the validation part at epoch "
        f"{best.epoch} of {best.trial.last_epoch}. ",
        f"On the test part, measured once: {measured}."
        if measured
        else "The test part has not been used yet.",
    )


def _tested(sweep: RecordedSweep, best: Ranked) -> dict[str, float]:
    """Return the test scores that summary.json has of this trial; empty before the end."""
    try:
        summary = json.loads(sweep.folder.summary.read_text(encoding="utf-8"))
        found: Mapping[str, Any] = summary["best"]
        if found["trial"] != best.trial.id:
            return {}
        items = found.items()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {
        key: float(value)
        for key, value in items
        if key.startswith("test_") and isinstance(value, int | float)
    }


def _configuration(sweep: RecordedSweep, trial: TrialRecord) -> Markup:
    """Write what of the space it has, beside the baseline if the sweep began with that."""
    baseline = sweep.baseline
    columns = ["parameter", trial.id]
    if baseline is not None and baseline.id != trial.id:
        columns.append(f"baseline {baseline.id}")
    rows = []
    for key in sweep.dimensions:
        trials = [trial] if len(columns) == 2 or baseline is None else [trial, baseline]
        cells = [number(one.params[key]) if key in one.params else "-" for one in trials]
        if set(cells) != {"-"}:
            rows.append([key, *cells])
    return table(columns, rows) if rows else Markup("")


def training_words(sweep: RecordedSweep, trial: TrialRecord) -> list[str]:
    """Return the overrides that train a trial's configuration again."""
    parser = OverridesParser.create()
    given = [
        str(override.input_line)
        for override in parser.parse_overrides(list(sweep.overrides))
        if not override.is_sweep_override() and not is_of(Kind.NO_TRAINING, override.key_or_group)
    ]
    return [*given, *assignments(dict(trial.params))]


def _use(sweep: RecordedSweep, best: Ranked) -> Markup:
    results = sweep.folder.path.parent
    commands = {
        "Train it again": command(
            "train", results=results, words=training_words(sweep, best.trial)
        ),
        "Predict the test part": command("predict", sweep.name, results),
        "Look at what it mistakes": command("diagnose", sweep.name, results),
    }
    if best.trial.taken_over:
        commands["Train its schedule from scratch"] = command("replay", sweep.name, results)
    path = f"{sweep.name}/best/epoch_{best.epoch:03d}/state.pt"
    return joined(
        [
            *(
                joined([paragraph(what, kind="label"), code(line)])
                for what, line in commands.items()
            ),
            paragraph("Load it, in the folder of the results", kind="label"),
            code(_LOAD.format(path=path)),
        ]
    )
