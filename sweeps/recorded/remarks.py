"""Read what people of the group have noted about trials: attributes of the study.

Each remark is an attribute of its own, `remark:<trial>:<random>` -> {"text", "by", "at"}, so that
two people who write at once lose nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: What the attribute of a remark begins with.
PREFIX = "remark:"


@dataclass(frozen=True)
class Remark:
    """Holds what a person has noted about a trial.

    Attributes:
        trial: its id.
        by: the person's name.
        at: when it was written, in seconds since 1970.
    """

    trial: str
    text: str
    by: str
    at: float


def remarks_of(attributes: Mapping[str, Any]) -> tuple[Remark, ...]:
    """Read the remarks among the attributes of a study, in the order of time."""
    found = [
        Remark(key.split(":")[1], str(kept["text"]), str(kept["by"]), float(kept["at"]))
        for key, kept in attributes.items()
        if key.startswith(PREFIX)
    ]
    return tuple(sorted(found, key=lambda remark: (remark.at, remark.trial, remark.text)))
