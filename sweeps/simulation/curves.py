"""Declare the learning curves of a simulation and their source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Curve:
    """Describes one training.

    Attributes:
        values: the objective after each epoch.
        seconds: duration of each epoch; if the training diverges, one more than there are values.
        diverges: why the training diverges in the epoch after its last value; else empty.
    """

    values: tuple[float, ...]
    seconds: tuple[float, ...]
    diverges: str = ""


class CurveSource(Protocol):
    """Returns the learning curve of any configuration; always the same for the same one."""

    @property
    def epochs(self) -> int:
        """Return the number of epochs of each curve."""

    def curve(self, params: Mapping[str, Any]) -> Curve:
        """Return the curve of a configuration: swept key -> value."""

    def describe(self) -> list[str]:
        """Describe the curves to the user, in a few lines."""
