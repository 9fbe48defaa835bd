"""Define the errors that may be raised; each message is the rule, the value and the remedy."""

from __future__ import annotations

from pathlib import Path

#: Characters of an error that are shown: libraries put whole tables and addresses into theirs.
MOST_CHARACTERS = 300


class ConfigError(Exception):
    """Raised when the configuration asks for something that cannot be; nothing was trained."""


class FolderInUse(ConfigError):
    """Raised when another run trains in a folder: one that was lost may take seconds to end."""


class DataError(ConfigError):
    """Raised when the data set is absent, damaged, or not what the configuration says it is."""


class CorruptCheckpoint(Exception):
    """Raised when a checkpoint is incomplete or altered; it was not loaded.

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


class ForeignCheckpoint(CorruptCheckpoint):
    """Raised when a checkpoint is of another training, or of a later version of this program."""


class Diverged(Exception):
    """Raised when a loss is not finite at the end of an epoch.

    Attributes:
        epoch: number of the epoch (from 1), which is neither yielded nor saved.
    """

    def __init__(self, epoch: int, reason: str) -> None:
        super().__init__(epoch, reason)
        self.epoch = epoch
        self.reason = reason

    def __str__(self) -> str:
        return f"diverged in epoch {self.epoch}: {self.reason}"


def first_line(error: BaseException, most: int | None = MOST_CHARACTERS) -> str:
    """Return the first line of an error's message; the name of its class if there is none.

    Args:
        most: characters that are kept; None for all.
    """
    lines = str(error).strip().splitlines()
    return lines[0].strip()[:most] if lines else type(error).__name__


def class_and_first_line(error: BaseException) -> str:
    """Return the class of an error and the first line of its message, if there is one."""
    name, line = type(error).__name__, first_line(error)
    return name if line == name else f"{name}: {line}"
