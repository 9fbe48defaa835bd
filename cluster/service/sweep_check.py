"""Check a sweep as `make preview` does, by a process that has loaded PyTorch beforehand.

Half of the time that a check takes would go into loading it and the rest.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

from trainers.errors import ConfigError

#: Seconds that a check may take.
_CHECK_S = 120.0


class SweepCheck:
    """Checks one sweep at a time, each in a process of its own; the next one's is ready by then."""

    def __init__(self) -> None:
        """Start none yet."""
        self._next: subprocess.Popen[str] | None = None

    def prepare(self) -> None:
        """Let the process of the next check load what it needs."""
        if self._next is None or self._next.poll() is not None:
            self._next = subprocess.Popen(
                [sys.executable, "-m", "sweeps.commands.preview_from_input"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
            )

    def __call__(self, words: Sequence[str]) -> None:
        """Compose and check a sweep.

        Raises:
            ConfigError: it is refused; with the reason.
        """
        code, told = self._checked(words)
        if code < 0:  # it was killed, perhaps while it waited
            code, told = self._checked(words)
        if code:
            lines = [line.removeprefix("error: ") for line in told.strip().splitlines()[-2:]]
            raise ConfigError(" ".join(lines) or f"its check ended with code {code} on the head")

    def _checked(self, words: Sequence[str]) -> tuple[int, str]:
        """Return the exit code of a check, and what it printed of errors."""
        self.prepare()
        process, self._next = self._next, None
        assert process is not None
        try:
            _, told = process.communicate(json.dumps([*words]), timeout=_CHECK_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise ConfigError(
                f"its check took more than {_CHECK_S:.0f} s on the head: try make preview"
            ) from None
        finally:
            self.prepare()
        return process.returncode, told

    def end(self) -> None:
        """End the process that waits."""
        if self._next is not None:
            self._next.kill()
            self._next.communicate()
            self._next = None
