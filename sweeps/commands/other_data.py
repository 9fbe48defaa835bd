"""Warn where a trained model is shown other data than it was trained on.

They may be others for a reason, such as another test part; where they cannot be read, whoever
needs them says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeps import results_folder
from sweeps.config.trusted_targets import Origin
from sweeps.results_folder import Folder
from trainers.errors import ConfigError


def than_of_sweep(folder: Folder, origin: Origin) -> str:
    """Write that the data are not those that a sweep was begun with; empty if they are."""
    recorded = results_folder.read_sweep(folder)
    data = recorded["config"]["data"]
    origin.require_trusted({"data": data})
    return _differing(folder.path, recorded["data"], data)


def than_of_training(path: Path, data: Mapping[str, Any]) -> str:
    """Write that the data are not those that a training was begun with; empty if they are."""
    recorded = path / "data"
    if not recorded.is_file():  # one of an older version has none
        return ""
    return _differing(path, recorded.read_text(encoding="utf-8").strip(), data)


def _differing(path: Path, before: str, data: Mapping[str, Any]) -> str:
    from trainers.data.resident import prepare

    try:
        now = prepare(data).fingerprint
    except ConfigError:
        return ""
    if now == before:
        return ""
    return (
        f"the data are not those that {path.name} was trained on (fingerprint {before}, now "
        f"{now}): its scores are of the others"
    )
