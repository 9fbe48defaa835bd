"""Set aside folders of unrecorded trials: the study was away until the driver ended.

A session that resumes proposes the like of them again under the same ids, and goes on with what
their folders have. With several trials at a time another order of events may make it propose
something else: what was trained then belongs to other values, and must not be taken for these.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from sweeps.config.keys import value_at
from sweeps.trials import SEED

#: In the sweep's folder, for what is not on record.
ASIDE = "unrecorded"


def set_aside(folder: Path, config: Mapping[str, Any], keys: Iterable[str]) -> str:
    """Move a trial's folder away if it was trained with other values than these.

    Args:
        folder: of the trial, which has no epoch on record.
        config: its configuration, plain containers.
        keys: what varies.

    Returns:
        A message for the person; empty if nothing was moved.
    """
    try:
        before = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return ""
    compared = (SEED, *keys)
    if _values(before, compared) == _values(config, compared):
        return ""
    aside = folder.parent.parent / ASIDE
    aside.mkdir(exist_ok=True)
    number = 1
    while (target := aside / f"{folder.name}-{number}").exists():
        number += 1
    folder.rename(target)
    return f"{folder.name}: its folder had a trial of other values, unrecorded; it is {target} now"


def _values(config: Any, keys: Iterable[str]) -> dict[str, Any]:
    """Map each dotted key that there is to its value."""
    values = {}
    for key in keys:
        with contextlib.suppress(KeyError):
            values[key] = value_at(config, key)
    return values
