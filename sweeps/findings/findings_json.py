"""Write findings.json: the findings of a sweep as data, for tools and for other programs."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from enum import Enum
from typing import Any

from sweeps.findings.finding import Findings
from sweeps.recorded.recorded_sweep import RecordedSweep
from trainers.files.whole_file import write_whole

#: Version of the file's layout.
VERSION = 1
#: Name of the file in the sweep's folder.
NAME = "findings.json"


def content(sweep: RecordedSweep, found: Findings) -> dict[str, Any]:
    """Return the content of findings.json: numbers that are not finite are null."""
    plain: dict[str, Any] = _plain(asdict(found))
    for effect, made in zip(found.effects, plain["effects"], strict=True):
        made["clear"] = effect.clear
    return {
        "version": VERSION,
        "sweep": sweep.name,
        "uid": sweep.uid,
        "objective": {"metric": sweep.objective.metric, "maximize": sweep.objective.maximize},
        "trials": len(sweep.trials),
        **plain,
    }


def write(sweep: RecordedSweep, found: Findings) -> None:
    """Write findings.json into the folder of a sweep."""
    text = json.dumps(content(sweep, found), indent=1, allow_nan=False)
    write_whole(sweep.folder.path / NAME, text + "\n")


def _plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, str | int | bool) else str(value)
