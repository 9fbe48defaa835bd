"""Name what may go wrong. Each message is a line or two: the rule, the value, the remedy."""

from __future__ import annotations

from pathlib import Path

#: Characters of an error that are shown: libraries put whole tables and addresses into theirs.
MOST_CHARACTERS = 300


class ConfigError(Exception):
    """The configuration asks for something that cannot be; nothing was trained."""


class DataError(ConfigError):
    """The data set is absent, damaged, or not what the configuration says it is."""


class CorruptCheckpoint(Exception):
    """A checkpoint is incomplete or altered and was not loaded.

    Attributes:
        path: the folder of the checkpoint.
        reason: what is wrong with it.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class Diverged(Exception):
    """A loss that is not finite, seen at the end of an epoch.

    Attributes:
        epoch: the number of the epoch (from 1), which is neither yielded nor saved.
    """

    def __init__(self, epoch: int, reason: str) -> None:
        super().__init__(epoch, reason)
        self.epoch = epoch
        self.reason = reason

    def __str__(self) -> str:
        return f"diverged in epoch {self.epoch}: {self.reason}"


def first_line(error: BaseException, most: int | None = MOST_CHARACTERS) -> str:
    """Take the first line of what an error says; the name of its class if it says nothing.

    Args:
        most: characters that are kept; None for all.
    """
    lines = str(error).strip().splitlines()
    return lines[0].strip()[:most] if lines else type(error).__name__


def class_and_first_line(error: BaseException) -> str:
    """Write the class of an error and the first line of what it says, if it says anything."""
    name, line = type(error).__name__, first_line(error)
    return name if line == name else f"{name}: {line}"
