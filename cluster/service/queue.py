"""Queue the sweeps that members hand in: which runs, which waits; kept on disk.

A sweep that ran when the head was lost goes on once there is a head again.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from trainers.errors import ConfigError
from trainers.files.whole_file import write_whole

#: The queue's file in the folder of the head.
FILE = "queue.json"
#: Sweeps whose drivers run at once, each a process of some 0.5 GB on the head's machine.
MOST = 8
#: Ended sweeps that are remembered.
_REMEMBERED = 50
#: How often a driver may be lost while one head is up, and seconds before it is begun again.
_LOST, _REST_S = 5, 5.0
#: Exit code of a driver that is refused: the sweep's lost one may still be ending.
_REFUSED = 2


class Step(str, Enum):
    """Says where a sweep that was handed in stands."""

    WAITING = "waiting"
    RUNNING = "running"
    STOPPING = "stopping"
    ENDED = "ended"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def over(self) -> bool:
        """Whether nothing happens to it any more by itself."""
        return self in (Step.ENDED, Step.FAILED, Step.STOPPED)


@dataclass(frozen=True)
class Queued:
    """Describes a sweep that was handed in.

    Attributes:
        sweep: its name, and that of its folder in `results`.
        member: whose it is.
        words: overrides of the command line.
        goes_on: whether it is on record already, and only goes on.
        results: absolute path of the folder of results on the head's machine.
        since: when it came to its step, in seconds since 1970.
        job: of its driver; empty before the first.
        message: why it failed.
    """

    sweep: str
    member: str
    words: tuple[str, ...]
    goes_on: bool
    results: str
    step: Step = Step.WAITING
    since: float = 0.0
    job: str = ""
    message: str = ""


@dataclass(frozen=True)
class JobState:
    """Describes a driver: whether it runs, and how it ended; `exit_code` None: it was lost."""

    alive: bool
    exit_code: int | None = None


class Jobs(Protocol):
    """Runs drivers as processes on the head's machine. Each method raises OSError if it cannot."""

    def begin(self, queued: Queued) -> str:
        """Start a driver, and return its id."""

    def state(self, job: str) -> JobState:
        """Look up how a driver does; one that is not known was lost."""

    def stop(self, job: str) -> None:
        """Ask a driver to end cleanly."""


class Queue:
    """Keeps the sweeps that were handed in, and begins them in turn."""

    def __init__(self, path: Path, jobs: Jobs, clock: Callable[[], float] = time.time) -> None:
        """Read what a previous head has left."""
        self._path, self._jobs, self._clock = path, jobs, clock
        self._entries = {entry.sweep: entry for entry in read(path)}
        self._lost: Counter[str] = Counter()

    @property
    def entries(self) -> Sequence[Queued]:
        """Return all, in the order in which they came to where they stand."""
        return sorted(self._entries.values(), key=lambda entry: (entry.step.over, entry.since))

    def __getitem__(self, sweep: str) -> Queued:
        """Return one; raises ConfigError if it was never handed in."""
        if sweep not in self._entries:
            known = ", ".join(self._entries) or "none was"
            raise ConfigError(f"no sweep {sweep!r} was handed in here ({known})")
        return self._entries[sweep]

    def __contains__(self, sweep: str) -> bool:
        """Whether a sweep was handed in, and is remembered."""
        return sweep in self._entries

    def holds(self, sweep: str) -> bool:
        """Whether a sweep waits or runs."""
        return sweep in self._entries and not self._entries[sweep].step.over

    def add(self, queued: Queued) -> None:
        """Take in a sweep.

        Raises:
            ConfigError: one of that name waits or runs.
        """
        if self.holds(queued.sweep):
            held = self._entries[queued.sweep]
            raise ConfigError(
                f"{queued.sweep} is in the queue already ({held.step.value}, {held.member}'s): "
                "give this one another name=…"
            )
        self._lost.pop(queued.sweep, None)
        self._set(replace(queued, step=Step.WAITING))

    def stop(self, sweep: str) -> Queued:
        """Let a sweep end: at once if it waits, cleanly if it runs; returns it as it is then.

        Raises:
            ConfigError: it was never handed in, or has ended.
            OSError: its driver cannot be told now.
        """
        entry = self[sweep]
        if entry.step.over:
            raise ConfigError(f"{sweep} runs no more: it has {_ENDED[entry.step]}")
        if entry.step is Step.WAITING:
            self._set(replace(entry, step=Step.STOPPED))
        else:
            self._jobs.stop(entry.job)
            self._set(replace(entry, step=Step.STOPPING))
        return self._entries[sweep]

    def look(self) -> None:
        """See which drivers have ended, and begin those whose turn it is.

        Raises:
            OSError: Ray cannot be asked now.
        """
        for entry in self.entries:
            if entry.step in (Step.RUNNING, Step.STOPPING):
                self._follow(entry)
        while (first := self._next()) is not None:
            self._set(replace(first, step=Step.RUNNING, job=self._jobs.begin(first)))

    def _follow(self, entry: Queued) -> None:
        state, lost = self._jobs.state(entry.job), self._lost[entry.sweep]
        if state.alive:
            return
        if entry.step is Step.STOPPING:
            self._set(replace(entry, step=Step.STOPPED))
        elif state.exit_code == 0:
            self._set(replace(entry, step=Step.ENDED))
        elif state.exit_code is not None and not (state.exit_code == _REFUSED and lost):
            self._set(replace(entry, step=Step.FAILED, message="see its log"))
        elif lost >= _LOST:
            message = f"its driver was lost {_LOST + 1} times"
            self._set(replace(entry, step=Step.FAILED, message=message))
        else:
            self._lost[entry.sweep] += 1
            self._set(replace(entry, step=Step.WAITING))

    def _next(self) -> Queued | None:
        """Return the sweep whose turn it is: the first of the member with the fewest that run."""
        running = [e for e in self._entries.values() if e.step in (Step.RUNNING, Step.STOPPING)]
        if len(running) >= MOST:
            return None
        now = self._clock()
        of_member = Counter(entry.member for entry in running)
        waiting = [
            entry
            for entry in self._entries.values()
            if entry.step is Step.WAITING
            and (not self._lost[entry.sweep] or now - entry.since >= _REST_S)
        ]
        return min(waiting, key=lambda e: (of_member[e.member], e.since), default=None)

    def _set(self, entry: Queued) -> None:
        self._entries[entry.sweep] = replace(entry, since=self._clock())
        over = [one for one in self.entries if one.step.over]
        for old in over[: max(len(over) - _REMEMBERED, 0)]:
            del self._entries[old.sweep]
        write_whole(self._path, json.dumps([asdict(one) for one in self.entries]) + "\n")
        self._path.chmod(0o600)


_ENDED = {Step.ENDED: "ended", Step.FAILED: "failed", Step.STOPPED: "been stopped"}


def read(path: Path) -> list[Queued]:
    """Read a queue's file; empty if there is none.

    Raises:
        ConfigError: it is damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return [_entry(one) for one in content]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}): remove it, or mend it") from None


def _entry(content: dict[str, Any]) -> Queued:
    entry = Queued(**{**content, "step": Step(content["step"])})
    return replace(entry, words=tuple(map(str, entry.words)))
