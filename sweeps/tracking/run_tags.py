"""Choose the tags of runs: experiment and stage, then where and how the trial ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

TAG_LENGTH = 64  # characters that a tag may have at most

#: State of a trial that has ended -> the tag that says so.
_STATES = {
    "complete": "complete",
    "stopped": "early-stopped",
    "failed": "failed",
    "diverged": "diverged",
    "abandoned": "abandoned",
    "infeasible": "infeasible",
}


def opening_tags(config: Mapping[str, Any], folder: Path) -> list[str]:
    """Return the tags of a run that is opened, of a sweep in this folder."""
    return _tags([config.get("experiment"), _stage(folder)])


def ended_tags(
    before: Iterable[str], state: str, member: str = "", machine: str = ""
) -> tuple[str, ...]:
    """Return the tags of a run whose trial ends; those of an earlier end give way."""
    if state not in _STATES:  # it waits, or is interrupted
        return tuple(dict.fromkeys([*before, *_tags([member, machine])]))
    kept = [tag for tag in before if tag not in _STATES.values()]
    return tuple(dict.fromkeys([*kept, *_tags([member, machine]), _STATES[state]]))


def _stage(folder: Path) -> str | None:
    """Return "stage-2" for the second sweep of a plan, else None."""
    plan, _, number = folder.name.rpartition("-")
    is_stage = plan and number.isdigit() and (folder.parent / plan / "plan.yaml").is_file()
    return f"stage-{number}" if is_stage else None


def _tags(texts: Iterable[Any]) -> list[str]:
    return [str(text)[:TAG_LENGTH] for text in texts if text]
