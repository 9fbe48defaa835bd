"""See which machines of a cluster reach the results, and take what the others send.

A session leaves a file with a random name in the folder of its trials: a machine on which it is
there reaches that very folder, wherever it lies. All others train in folders of their own, and
send what they train to a receiver, which is started once there is such a machine.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sweeps.backend.machines import alive_nodes, named, on_machine, this_node
from sweeps.backend.stream import calls, scratch
from sweeps.backend.stream.machine_data import base
from sweeps.backend.stream.trial_folder import reaches
from trainers.errors import ConfigError

_MARK = ".session-"
#: Seconds between two looks at the machines.
_LOOK_S = 2.0
#: Seconds that processes may take to end with a session, and that machines may take to say so.
_END_S, _CLEAN_S = 5.0, 15.0


class StreamedResults:
    """Takes in the files of trials on machines that do not reach the results."""

    def __init__(self, trials: Path, data: Mapping[str, Any], fingerprint: str) -> None:
        """Begin to look at the machines.

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
        self._asked: dict[str, tuple[str, Any]] = {}  # machine -> its name and answer to come
        self._seen = {this_node()}
        self._due = 0.0
        self._apart: dict[str, str] = {}  # machines that do not reach the folder
        self._receiver: Any = None

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

    def look(self) -> list[str]:
        """Ask machines that have come, and hear those that answer; returns messages for a person.

        Cheap; call it often.
        """
        import ray

        if (now := time.monotonic()) >= self._due:
            self._due = now + _LOOK_S
            nodes = alive_nodes()
        else:
            nodes = []
        for node in nodes:
            if node["NodeID"] not in self._seen:
                self._seen.add(node["NodeID"])
                name = named(node["Labels"].get("member", ""), node["NodeManagerHostname"])
                self._asked[node["NodeID"]] = (name, self._ask(node["NodeID"]))
        messages = []
        for one, (name, answer) in list(self._asked.items()):
            if not ray.wait([answer], timeout=0)[0]:
                continue
            del self._asked[one]
            try:
                shares = bool(ray.get(answer))
            except Exception:  # gone, or it can run nothing now: its trials see for themselves
                shares = False
            if not shares:
                self._start_receiver()
                self._apart[one] = name
                messages.append(
                    f"{name} does not reach {self._trials.parent}: its trials send each epoch here"
                )
        return messages

    def close(self) -> None:
        """Take in nothing more, and let no file stay on the other machines."""
        import ray

        with contextlib.suppress(OSError):
            (self._trials / self._mark).unlink()
        if self._receiver is not None:
            with contextlib.suppress(Exception):  # a Ray that is gone has ended it
                cleaned = [self._clean(one) for one in [*self._apart, this_node()]]
                ray.wait(cleaned, num_returns=len(cleaned), timeout=_CLEAN_S)
                ray.kill(self._receiver)

    def _start_receiver(self) -> None:
        if self._receiver is None:
            self._receiver = calls.start_receiver(str(self._trials), self.session)

    def _ask(self, node: str) -> Any:
        return on_machine(node, _reaches).remote(str(self._trials), self._mark)

    def _clean(self, node: str) -> Any:
        return on_machine(node, scratch.remove_left).remote(self.session, _END_S)


def _reaches(trials: str, mark: str) -> bool:
    return reaches(Path(trials), mark)


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
