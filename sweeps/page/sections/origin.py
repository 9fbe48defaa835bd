"""Write what a sweep was made by, and the commands that make its parts again."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from sweeps.formatting import command
from sweeps.page.elements import code, definitions, folded, joined, paragraph
from sweeps.page.reviewed import Reviewed
from sweeps.recorded.recorded_sweep import WANDB, RecordedSweep
from sweeps.redaction import redacted_text
from sweeps.report.wandb_report import ATTRIBUTE


def origin(reviewed: Reviewed) -> Markup:
    """Write the origin of a sweep."""
    sweep = reviewed.sweep
    git = sweep.made_by.get("git") or {}
    changed = " with uncommitted changes, which sweep.yaml has" if git.get("diff") else ""
    packages = sweep.made_by.get("versions") or {}
    facts = {
        "Commit": f"{git['sha']}{changed}" if git.get("sha") else "not known",
        "Seed": sweep.config.get("seed", ""),
        "Data": f"fingerprint {sweep.data}",
        "Python": sweep.made_by.get("python") or "",
        "Versions": ", ".join(f"{package} {version}" for package, version in packages.items()),
        "Record": f"study {sweep.uid}" if sweep.uid else "",
        "In W&B": _addresses(sweep),
    }
    commands = (
        joined([paragraph(what, kind="label"), code(line)])
        for what, line in _commands(sweep).items()
    )
    return joined([definitions(facts), folded("The commands that make each part again", *commands)])


def _addresses(sweep: RecordedSweep) -> Markup:
    """Link to what of the sweep is in W&B, as far as the record knows where."""
    found = [_entry(sweep.attributes.get(WANDB), "project_url")]
    for key, value in sorted(sweep.attributes.items()):
        if key.partition(":")[0] == ATTRIBUTE:  # its own, and those that it shares with others
            found.append(_entry(value, "url"))
    links = (
        Markup('<a href="{0}" rel="noreferrer">{0}</a>').format(address)
        for address in found
        if isinstance(address, str) and address.startswith(("https://", "http://"))
    )
    return joined(links, between=" · ")


def _entry(attribute: object, key: str) -> object:
    return attribute.get(key) if isinstance(attribute, Mapping) else None


def _commands(sweep: RecordedSweep) -> dict[str, str]:
    results = sweep.folder.path.parent
    ran = [redacted_text(word) for word in sweep.overrides]
    commands = {
        "The sweep": command("sweep", words=ran),
        "Go on with it, if it was interrupted": command("resume", sweep.name, results),
        "This page": command("report", sweep.name, results),
        "This page, as the sweep goes on": command("watch", sweep.name, results),
    }
    if sweep.ranked:  # else there is no best model
        best = "What the best model mistakes, and its pictures"
        commands[best] = command("diagnose", sweep.name, results)
    return commands
