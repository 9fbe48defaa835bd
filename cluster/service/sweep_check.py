"""Check a sweep before it queues, by a process that has loaded what that takes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Sequence

from trainers.errors import ConfigError

#: Seconds that a check may take.
_CHECK_S = 120


class SweepCheck:
    """Checks one sweep at a time, by one process for all of them."""

    def __init__(self) -> None:
        """Start none yet."""
        self._process: subprocess.Popen[str] | None = None

    def prepare(self) -> None:
        """Let a process load what checks need, unless there is one."""
        if self._process is None or self._process.poll() is not None:
            self.end()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sweeps.commands.check_from_input", f"{_CHECK_S}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                errors="replace",
            )

    def __call__(self, words: Sequence[str]) -> None:
        """Check a sweep.

        Args:
            words: of `make sweep`; with the name of one on record, of `make resume`.

        Raises:
            ConfigError: it is refused; with the reason.
        """
        answer = self._ask(words) or self._ask(words)  # it was killed, perhaps while it waited
        if answer is None:
            raise ConfigError("its check was killed on the head, twice: is it out of memory?")
        code, told = answer
        if code == -signal.SIGALRM:
            raise ConfigError(
                f"its check took more than {_CHECK_S} s on the head: try make preview"
            )
        if code:
            lines = [line.removeprefix("error: ") for line in told.strip().splitlines()[-2:]]
            raise ConfigError(" ".join(lines) or f"its check ended with code {code} on the head")

    def _ask(self, words: Sequence[str]) -> tuple[int, str] | None:
        """Return the exit code of a check and what it printed of errors; None: no answer came."""
        self.prepare()
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(f"{json.dumps([*words])}\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline() or "null")
        except BrokenPipeError:
            answer = None
        if answer is None:
            self.end()
            return None
        return int(answer["code"]), str(answer["told"])

    def end(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
