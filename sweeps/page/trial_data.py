"""Gather what the script knows of each trial: enough for the strip that shows a chosen one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sweeps.formatting import number, score, short_names
from sweeps.page.reviewed import Reviewed
from sweeps.page.sections.findings import finding_id
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.trials import TrialRecord

#: Where there is nothing to say of any trial.
NOTHING: dict[str, Any] = {"keys": [], "names": [], "sweeps": {}, "trials": {}, "findings": {}}


def trial_data(all_reviewed: Sequence[Reviewed]) -> dict[str, Any]:
    """Gather the trials and findings of a page, for JSON; what the sheet says is not said again.

    Returns:
        keys, names: the swept keys, in full and short; a trial's `values` are in their order.
        sweeps: what a trial's id begins with -> metric and baseline of its sweep.
        trials: id on the page -> what is shown of it; what there is not is left out.
        findings: id -> ids of the trials that it rests on.
    """
    keys = list(dict.fromkeys(key for one in all_reviewed for key in one.sweep.dimensions))
    return {
        "keys": keys,
        "names": list(short_names(keys).values()),
        "sweeps": {
            one.prefix: {
                "metric": one.sweep.objective.metric,
                "baseline": one.key(one.sweep.baseline.id) if one.sweep.baseline else "",
            }
            for one in all_reviewed
        },
        "trials": {id: told for one in all_reviewed for id, told in _trials(one, keys).items()},
        "findings": {
            finding_id(one, finding): [one.key(trial) for trial in finding.trials]
            for one in all_reviewed
            for finding in (one.findings.statements if one.findings else ())
            if finding.trials
        },
    }


def _trials(reviewed: Reviewed, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    sweep = reviewed.sweep
    baseline = sweep.baseline
    remarks: dict[str, list[dict[str, Any]]] = {}
    for remark in sweep.remarks:
        told = {"text": remark.text, "by": remark.by, "at": remark.at}
        remarks.setdefault(remark.trial, []).append(told)
    found = {}
    for trial in sweep.trials:
        told = {
            "values": [number(trial.params[key]) if key in trial.params else "" for key in keys],
            "source": trial.source.told if trial.source else "",
            "machine": trial.machine,
            "remarks": remarks.get(trial.id),
            "url": reviewed.sheet.links.get(trial.id) if reviewed.sheet else None,
            **_score(sweep, trial, baseline),
        }
        found[reviewed.key(trial.id)] = {key: value for key, value in told.items() if value}
    return found


def _score(
    sweep: RecordedSweep, trial: TrialRecord, baseline: TrialRecord | None
) -> dict[str, Any]:
    """Return a trial's best value, and how far it is from the baseline's."""
    best = sweep.best_epochs[trial.id]
    if best is None:
        return {}
    told: dict[str, Any] = {"score": score(best[1]), "epoch": best[0]}
    reached = sweep.best_epochs[baseline.id] if baseline and baseline.id != trial.id else None
    if reached is not None:
        told["gain"] = f"{best[1] - reached[1]:+.4f}"
        told["better"] = sweep.objective.better(best[1], reached[1])
    return told
