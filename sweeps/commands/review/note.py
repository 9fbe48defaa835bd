"""Note something about a trial: `make note SWEEP=mnist TRIAL=7 TEXT="loss jumps"`.

The remark goes on the sweep's record with a name and the time, also while the sweep runs. The
name is that of `by=`, else MEMBER, else git's user.name, else the user's on this machine.
"""

from __future__ import annotations

import getpass
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sweeps import results_folder
from sweeps.cli import doing, one_sweep, refusals, terminal
from sweeps.formatting import one_line
from sweeps.recorded import remarks
from sweeps.recorded.recorded_sweep import RecordedSweep, read
from sweeps.recorded.remarks import Remark
from sweeps.redaction import redacted_text
from sweeps.study.url import shared
from trainers.errors import ConfigError

OPTIONS = ("results", "by")
#: Characters of a remark and of a name, at most.
LONGEST_TEXT, LONGEST_NAME = 10_000, 100

_EXAMPLE = 'make note SWEEP=mnist TRIAL=7 TEXT="the loss jumps at epoch 3"'


def note(name: str, trial: str, text: str, by: str, results: str) -> None:
    """Put a remark about a trial on the record of a sweep.

    Args:
        trial: its number, with or without leading zeros.

    Raises:
        ConfigError: no such sweep or trial, a text or name that is empty or too long, or a record
            that cannot be written.
    """
    text, by = redacted_text(_checked("TEXT", text.strip(), LONGEST_TEXT)), one_line(by)
    _checked("by", by, LONGEST_NAME)
    if not trial.strip():
        raise ConfigError(f"TRIAL= is empty: name one trial, {_EXAMPLE}")
    folder = results_folder.find(Path(results), name)
    with doing("writing it to the record"):
        sweep = read(folder)
        remark = Remark(_found(sweep, trial.strip()), text, redacted_text(by), time.time())
        place = shared(sweep.config.get("study")) or folder.study
        remarks.write(place, str(sweep.config["name"]), remark)
    terminal().print(f"noted about {remark.trial}, by {remark.by}", soft_wrap=True)


def _checked(what: str, text: str, longest: int) -> str:
    if not text:
        raise ConfigError(f"{what}= is empty: {_EXAMPLE}")
    if len(text) > longest:
        raise ConfigError(
            f"{what}= has {len(text):,} characters, and may have {longest:,}: shorten it"
        )
    return text


def _found(sweep: RecordedSweep, trial: str) -> str:
    """Return the id of a trial that is given by its number.

    Raises:
        ConfigError: the sweep has no such trial.
    """
    ids = [one.id for one in sweep.trials]
    is_number = trial.isascii() and trial.isdigit() and len(trial) < 10
    wanted = f"{int(trial):04d}" if is_number else trial
    if wanted not in ids:
        there = f"there are {ids[0]} to {ids[-1]}" if ids else "there are none yet"
        raise ConfigError(f"TRIAL={one_line(trial)[:40]}: no such trial in {sweep.name} ({there})")
    return wanted


def _own_name() -> str:
    """Name the person at this machine."""
    try:
        found = subprocess.run(
            ["git", "config", "user.name"], capture_output=True, text=True, timeout=5, check=False
        ).stdout.strip()
    except (OSError, ValueError, subprocess.TimeoutExpired):
        found = ""
    try:
        return found or getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        return "unknown"


def _taken(words: Sequence[str], option: str) -> tuple[str, list[str]]:
    """Split `--option=value` off the words of a command line; the value may be any text."""
    given = [word.removeprefix(option) for word in words if word.startswith(option)]
    return "".join(given[-1:]), [word for word in words if not word.startswith(option)]


def main() -> None:
    """Read the command line of `make note`."""
    with refusals():
        trial, words = _taken(sys.argv[1:], "--trial=")
        text, words = _taken(words, "--text=")
        member, sys.argv[1:] = _taken(words, "--member=")
        name, given = one_sweep(_EXAMPLE, OPTIONS)
        by = given.get("by", member) or _own_name()
        note(name, trial, text, by, given.get("results", "results"))


if __name__ == "__main__":
    main()
