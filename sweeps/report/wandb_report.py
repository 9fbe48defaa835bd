"""Publish the review of sweeps as a W&B report: created once, then updated in its place."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sweeps.findings.finding import Findings
from sweeps.formatting import command
from sweeps.recorded.recorded_sweep import WANDB, RecordedSweep
from sweeps.redaction import redacted_text
from sweeps.report.wandb_report_blocks import ReportedSweep, blocks, remark_line, title
from sweeps.study.storage import annotate
from sweeps.study.url import shared
from sweeps.tracking import WandbTracker
from sweeps.tracking.run_id import run_id
from sweeps.tracking.wandb_api import RunAtServer, ServerApi, server_api
from sweeps.tracking.wandb_media import merged_notes
from sweeps.trials import State
from trainers.errors import ConfigError

#: The study's attribute that keeps the report: {"id", "url"}.
ATTRIBUTE = "wandb_report"

_IS_THERE = "query SpecificReport($reportId: ID!) { view(id: $reportId) { id } }"


@dataclass(frozen=True)
class PublishedReport:
    """Tells where the report is, and what of its sweeps it cannot show yet.

    Attributes:
        new: whether it was created, not updated.
        notes: lines about trials that W&B lacks.
    """

    url: str
    new: bool
    notes: tuple[str, ...] = ()


def publish(sweeps: Sequence[RecordedSweep], findings: Sequence[Findings]) -> PublishedReport:
    """Create the report of sweeps at W&B, or update it, and write remarks into the trials' runs.

    Args:
        sweeps: side by side, in this order.
        findings: of each.

    Raises:
        ConfigError: no key, no server, nothing of a sweep is there, or its record cannot be
            written.
    """
    with server_api() as api:
        _require_workspaces()
        reported, notes = [], []
        for sweep, found in zip(sweeps, findings, strict=True):
            entity, project = _place(sweep, api)
            runs = api.runs(entity, project, str(sweep.config["name"]))
            notes += _lacking(sweep, runs)
            _keep(sweep, WANDB, {"project_url": f"{api.url}/{entity}/{project}"})
            _write_remarks(api, sweep, runs)
            ours = {*map(_own(sweep), [trial.id for trial in sweep.trials]), _own(sweep)("summary")}
            reported.append(
                ReportedSweep(
                    sweep=sweep,
                    findings=found,
                    entity=entity,
                    project=project,
                    run_url=f"{api.url}/{entity}/{project}/runs/",
                    mixed=not runs.keys() <= ours,
                )
            )
        return _save(api, reported, tuple(notes))


def _require_workspaces() -> None:
    """Check that wandb-workspaces can be imported; its import takes seconds."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what newer versions of pydantic call otherwise
            import wandb_workspaces.reports.v2  # noqa: F401
    except ImportError as error:
        raise ConfigError(f"to=wandb needs wandb-workspaces ({error}); run: make setup") from None


def _place(sweep: RecordedSweep, api: ServerApi) -> tuple[str, str]:
    """Return the entity and project of a sweep's runs."""
    track: Mapping[str, Any] = sweep.config.get("track") or {}
    default = inspect.signature(WandbTracker).parameters["project"].default
    return str(track.get("entity") or api.entity), str(track.get("project") or default)


def _own(sweep: RecordedSweep) -> Any:
    """Return the function that makes the ids of a sweep's runs."""
    return lambda trial: run_id(str(sweep.config["name"]), sweep.uid, trial)


def _lacking(sweep: RecordedSweep, runs: Mapping[str, RunAtServer]) -> list[str]:
    """Say how many trials have no run at W&B.

    Raises:
        ConfigError: none has one.
    """
    due = [trial.id for trial in sweep.trials if trial.state is not State.INFEASIBLE]
    there = sum(_own(sweep)(trial) in runs for trial in due)
    how = command("sync", sweep.name, sweep.folder.path.parent)
    if due and not there:
        raise ConfigError(f"nothing of {sweep.name} is at W&B yet: {how} sends it")
    if there < len(due):
        return [f"{there} of {len(due)} trials of {sweep.name} are at W&B: {how} sends the others"]
    return []


def _write_remarks(api: ServerApi, sweep: RecordedSweep, runs: Mapping[str, RunAtServer]) -> None:
    """Add people's remarks about trials to the notes of their runs."""
    for trial, text in remarks_by_trial(sweep).items():
        run = runs.get(_own(sweep)(trial))
        if run is not None and (notes := merged_notes(run.notes, text)) != run.notes:
            api.note(run, notes)


def remarks_by_trial(sweep: RecordedSweep) -> dict[str, str]:
    """Map trials to what has been noted about them, a line each."""
    lines: dict[str, list[str]] = {}
    for remark in sweep.remarks:
        text = remark_line(remark).removeprefix(f"{remark.trial}: ")
        lines.setdefault(remark.trial, []).append(redacted_text(text))
    return {trial: "\n".join(texts) for trial, texts in lines.items()}


def _save(
    api: ServerApi, reported: Sequence[ReportedSweep], notes: tuple[str, ...]
) -> PublishedReport:
    """Save the report, under the id on record if it is still there, and keep its id."""
    import wandb_workspaces.reports.v2 as wr

    first = min((one.sweep for one in reported), key=lambda sweep: sweep.uid)
    uids = sorted(one.sweep.uid for one in reported)
    key = ATTRIBUTE if len(uids) == 1 else f"{ATTRIBUTE}:{'+'.join(uids)}"
    kept = first.attributes.get(key)
    known = str(kept["id"]) if isinstance(kept, Mapping) and kept.get("id") else ""
    if known and not api.ask(_IS_THERE, {"reportId": known}).get("view"):
        known = ""  # somebody has deleted it
    report = wr.Report(
        entity=reported[0].entity,
        project=reported[0].project,
        title=title(reported),
        blocks=blocks(reported),
        width="fluid",
    )
    report.id = known
    report.save()
    address = _address(api, report.entity, report.project, report.title, report.id)
    _keep(first, key, {"id": report.id, "url": address})
    return PublishedReport(url=address, new=not known, notes=notes)


def _keep(sweep: RecordedSweep, key: str, value: Mapping[str, str]) -> None:
    """Put an attribute on a sweep's record, unless it is there."""
    if sweep.attributes.get(key) != value:
        place = shared(sweep.config.get("study")) or sweep.folder.study
        annotate(place, str(sweep.config["name"]), key, value)


def _address(api: ServerApi, entity: str, project: str, heading: str, report: str) -> str:
    """Return the address of a report; W&B finds it by its id, whatever comes before."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", heading).strip("-")
    place = f"{quote(entity, safe='')}/{quote(project, safe='')}"
    return f"{api.url}/{place}/reports/{slug}--{report.rstrip('=')}"
