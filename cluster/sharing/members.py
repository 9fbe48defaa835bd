"""Read `members.yaml`: each member's weight and limits. None is needed to begin."""

from __future__ import annotations

import datetime
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sweeps import ROOT
from sweeps.backend.claim import NAME_RULE, member_name
from sweeps.backend.known_head import FOLDER
from trainers.errors import ConfigError
from trainers.files.yaml_text import load_yaml
from trainers.nearest_names import unknown

_HOURS = re.compile(r"(\d{1,2})-(\d{1,2})")


@dataclass(frozen=True)
class Hours:
    """Is a time of each day, such as 20-08: from 20:00 to 8:00 in the morning.

    Attributes:
        begin, end: full hours, 0 to 24; all day where they are equal.
    """

    begin: int = 0
    end: int = 24

    @staticmethod
    def parse(text: object, what: str) -> Hours:
        """Read hours as a person writes them.

        Args:
            what: names the value in an error message.

        Raises:
            ConfigError: they are no two full hours from 0 to 24.
        """
        match = _HOURS.fullmatch(str(text))
        if match is None or max(map(int, match.groups())) > 24:
            raise ConfigError(
                f"{what}={text} must be two full hours from 0 to 24, such as {what}=20-08"
            )
        return Hours(*map(int, match.groups()))

    def include(self, now: datetime.datetime) -> bool:
        """Whether a moment is within them."""
        begin, end = self.begin % 24, self.end % 24
        if begin == end:
            return True
        inside = min(begin, end) <= now.hour < max(begin, end)
        return inside if begin < end else not inside

    def __str__(self) -> str:
        return f"{self.begin:02d}-{self.end:02d}"


@dataclass(frozen=True)
class Member:
    """Describes what a member may have of the cluster.

    Attributes:
        weight: of their share, against other members who want something at the same time.
        gpus: the most cards at once.
        gpu_hours_a_day: the most GPU-hours of a day, by the head's clock.
        hours: when their sweeps may run.
    """

    weight: float = 1.0
    gpus: float = math.inf
    gpu_hours_a_day: float = math.inf
    hours: Hours = field(default_factory=Hours)


_KEYS = ("weight", "gpus", "gpu_hours_a_day", "hours")


def members_file() -> Path:
    """Return where the members are written down: `cluster/members.yaml` of the checkout.

    Beside the token where there is no checkout, or where CAVIAR_CLUSTER names another place for it.
    """
    checkout = (ROOT / "pyproject.toml").is_file() and not os.environ.get("CAVIAR_CLUSTER")
    return (ROOT / "cluster" if checkout else FOLDER) / "members.yaml"


def read_members(path: Path) -> dict[str, Member]:
    """Read the file of members; empty if there is none.

    Raises:
        ConfigError: it is no YAML of members, or a value that cannot be.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error})") from None
    try:
        entries = load_yaml(text)
    except yaml.YAMLError as error:
        line = f", line {mark.line + 1}" if (mark := getattr(error, "problem_mark", None)) else ""
        raise ConfigError(f"{path}{line} is no YAML: write alpha: {{weight: 2}}") from None
    if entries is None:
        return {}
    if not isinstance(entries, dict):
        raise ConfigError(f"{path} must map members to their limits: write alpha: {{weight: 2}}")
    members = {str(name): _member(path, str(name), entry) for name, entry in entries.items()}
    if members and not sum(member.weight for member in members.values()):
        raise ConfigError(f"{path}: all weights are 0: give somebody one above 0")
    return members


def _member(path: Path, name: str, entry: Any) -> Member:
    try:
        member_name(name)
    except ConfigError:
        raise ConfigError(f"{path}: member {name!r} {NAME_RULE}") from None
    if not isinstance(entry, Mapping):
        raise ConfigError(f"{path}: {name} must have keys, as in {name}: {{weight: 2}}")
    for key in entry:
        if key not in _KEYS:
            raise ConfigError(f"{path}: {name}: {unknown('limit', str(key), str(key), _KEYS)}")
    numbers = {
        key: _number(f"{path}: {name}.{key}", entry[key]) for key in _KEYS[:3] if key in entry
    }
    hours = Hours.parse(entry["hours"], f"{path}: {name}.hours") if "hours" in entry else Hours()
    return Member(**numbers, hours=hours)


def _number(what: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ConfigError(f"{what}={value} must be a number, 0 or more")
    return float(value)
