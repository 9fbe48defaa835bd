"""Where the learning curves of a simulation come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Curve:
    """What one training would be like.

    Attributes:
        values: the objective after each epoch.
        seconds: how long each epoch takes; one more than there are values if it diverges.
        diverges: why it ends in the epoch after its last value; empty if it does not.
    """

    values: tuple[float, ...]
    seconds: tuple[float, ...]
    diverges: str = ""


class Source(Protocol):
    """Answers what training a configuration would be like; the same for the same configuration."""

    @property
    def epochs(self) -> int:
        """How many epochs are known of each configuration."""

    def curve(self, params: Mapping[str, Any]) -> Curve:
        """The curve of a configuration: swept key -> value."""

    def describe(self) -> list[str]:
        """What a person should know of the curves, in a few lines."""
