"""Keep what people of the group have noted about trials: attributes of the study.

Each remark is an attribute of its own, `remark:<trial>:<random>` -> {"text", "by", "at"}, so that
two people who write at once lose nothing.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweeps.study.storage import Location, annotate
from sweeps.trials import LATEST

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


def write(location: Location, study: str, remark: Remark) -> None:
    """Put a remark on record, whether the sweep's driver runs or not.

    Args:
        study: the study's name.

    Raises:
        ConfigError: the record cannot be reached or written, or has no such study.
    """
    key = f"{PREFIX}{remark.trial}:{secrets.token_hex(8)}"
    annotate(location, study, key, {"text": remark.text, "by": remark.by, "at": remark.at})


def remarks_of(attributes: Mapping[str, Any]) -> tuple[Remark, ...]:
    """Read the remarks among the attributes of a study, in the order of time.

    What is no remark in spite of its name is left out: another program may have written it.
    """
    found = []
    for key, kept in attributes.items():
        if key.startswith(PREFIX):
            with contextlib.suppress(LookupError, TypeError, ValueError):
                remark = Remark(
                    key.split(":")[1], str(kept["text"]), str(kept["by"]), float(kept["at"])
                )
                if 0 <= remark.at < LATEST:
                    found.append(remark)
    return tuple(sorted(found, key=lambda remark: (remark.at, remark.trial, remark.text)))
