"""Take in what those machines of a cluster send that do not reach the results.

A session leaves a file with a random name in the folder of its trials: a machine on which it is
there reaches that very folder, wherever it lies. On all others a trial says so, trains in a folder
of its own, and sends what it trains to a receiver. Nothing is run on a machine to find out: one
more process there would come to be just when that of its first trial does.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sweeps.backend.machines import alive_nodes, on_machine, this_node
from sweeps.backend.stream import calls, scratch
from sweeps.backend.stream.machine_data import base
from trainers.errors import ConfigError

_MARK = ".session-"
#: Seconds that processes may take to end with a session, and that machines may take to say so.
_END_S, _CLEAN_S = 5.0, 15.0


class StreamedResults:
    """Takes in the files of trials on machines that do not reach the results."""

    def __init__(self, trials: Path, data: Mapping[str, Any], fingerprint: str) -> None:
        """Leave the mark.

        Args:
            trials: folder with the trials' folders.
            data: `data` of a trial's configuration, unless it varies.
            fingerprint: of that data set.

        Raises:
            ConfigError: the folder cannot be written.
        """
        self._trials = trials.resolve()
        self.session = secrets.token_hex(16)
        self.lacking: dict[str, str] = {}  # machines without the data -> what they lack
        self._data, self._fingerprint = dict(data), fingerprint
        try:
            for left in self._trials.glob(f"{_MARK}*"):  # of a session that was killed
                left.unlink()
            (self._trials / self._mark).touch()
        except OSError as error:
            raise ConfigError(
                f"results={self._trials.parent.parent} cannot be written ({error.strerror}): name "
                "another folder, results=…"
            ) from None
        self._apart: set[str] = set()  # machines that do not reach the folder
        self._receiver: Any = None
        if _is_of_several_hosts():
            self._start_receiver()  # beforehand: most share no folder

    @property
    def _mark(self) -> str:
        return f"{_MARK}{self.session}"

    def work(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a trial's process needs to know, beside its configuration."""
        fingerprint = self._fingerprint if config["data"] == self._data else ""
        data = {"session": self.session, "base": base(), "fingerprint": fingerprint}
        return {"mark": self._mark, "session": self.session, "driver": this_node(), "data": data}

    def lacks(self, node: str, machine: str, why: str) -> None:
        """Note that a machine lacks the data; a person hears it with the slots that it takes.

        Args:
            machine: what it is called.
        """
        self.lacking[node] = f"{machine} lacks the data: {why}"

    def apart(self, node: str, machine: str) -> str:
        """Take in what a machine sends that does not reach the folder.

        Args:
            machine: what it is called.

        Returns:
            What to say to a person, the first time.
        """
        self._start_receiver()
        if node in self._apart:
            return ""
        self._apart.add(node)
        return f"{machine} does not reach {self._trials.parent}: its trials send each epoch here"

    def close(self) -> None:
        """Take in nothing more, and let no file stay on the other machines."""
        import ray

        with contextlib.suppress(OSError):
            (self._trials / self._mark).unlink()
        if self._receiver is not None:
            with contextlib.suppress(Exception):  # a Ray that is gone has ended it
                if self._apart:
                    cleaned = [self._clean(one) for one in [*self._apart, this_node()]]
                    ray.wait(cleaned, num_returns=len(cleaned), timeout=_CLEAN_S)
                ray.kill(self._receiver)

    def _start_receiver(self) -> None:
        if self._receiver is None:
            self._receiver = calls.start_receiver(str(self._trials), self.session)

    def _clean(self, node: str) -> Any:
        return on_machine(node, scratch.remove_left).remote(self.session, _END_S)


def _is_of_several_hosts() -> bool:
    return len({str(node["NodeManagerHostname"]) for node in alive_nodes()}) > 1


@contextlib.contextmanager
def streamed_results(
    trials: Path, data: Mapping[str, Any], fingerprint: str
) -> Iterator[StreamedResults]:
    """Take in what other machines send, for a `with` block; arguments as of `StreamedResults`."""
    streams = StreamedResults(trials, data, fingerprint)
    try:
        yield streams
    finally:
        streams.close()
