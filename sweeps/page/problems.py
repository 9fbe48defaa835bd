"""Make what can be made of a page: a part that fails by an error of ours is named in a line."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sweeps.formatting import one_line
from sweeps.redaction import redacted_text
from sweeps.results_folder import Folder
from trainers.errors import ConfigError

Made = TypeVar("Made")


def attempt(
    what: str, make: Callable[[], Made], instead: Made, folder: Folder, problems: list[str]
) -> Made:
    """Make a part.

    Args:
        what: its name in the line: "the sheet".
        instead: is returned if it fails.
        folder: of the sweep, which shows the error again.
        problems: gets the line.

    Raises:
        ConfigError: what the person can mend.
    """
    try:
        return make()
    except ConfigError:
        raise
    except Exception as error:
        if (line := problem(what, error, folder)) not in problems:
            problems.append(line)
        return instead


def problem(what: str, error: Exception, folder: Folder) -> str:
    """Say in a line what could not be made, and what to send to have that mended."""
    reason = one_line(redacted_text(f"{type(error).__name__}: {error}"))
    return (
        f"{what} could not be made ({reason}): please report this line, with "
        f"{folder.sweep} and {folder.study}"
    )
