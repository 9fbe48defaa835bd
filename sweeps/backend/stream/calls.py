"""Call the driver's receiver, an actor of Ray, from a trial's process wherever it runs.

The actor needs no CPU and is on the driver's machine; it ends with the driver, and is started again
should it be killed. A thread of the driver could not be called: it would have to fetch from a
process of ours on every machine, in place of this one on its own.
"""

from __future__ import annotations

from typing import Any

from sweeps.backend.machines import only_on, this_node
from sweeps.backend.stream.contents import Delivery
from sweeps.backend.stream.receiver import Receiver, Reply

#: Requests that are served at once.
_AT_ONCE = 8


def start_receiver(trials: str, session: str) -> Any:
    """Start the receiver of this process's session, on this machine; returns the actor.

    Args:
        trials: folder with the trials' folders.
    """
    import ray

    return (
        ray.remote(Receiver)
        .options(
            name=_name(session),
            num_cpus=0,
            max_restarts=-1,
            max_task_retries=-1,
            max_concurrency=_AT_ONCE,
            scheduling_strategy=only_on(this_node()),
        )
        .remote(trials)
    )


def connect(session: str) -> ReceiverCalls:
    """Connect to the receiver of a session.

    Raises:
        ValueError: there is none yet.
    """
    import ray

    return ReceiverCalls(ray.get_actor(_name(session)))


class ReceiverCalls:
    """Is `AsksReceiver` by calls of Ray's. Any of them raises whatever Ray raises."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def open(self, trial: str, token: str) -> Reply:
        """Ask `Receiver.open`."""
        return self._get(self._actor.open.remote(trial, token))  # type: ignore[no-any-return]

    def read(self, trial: str, token: str, name: str, offset: int) -> bytes | Reply:
        """Ask `Receiver.read`."""
        answer = self._get(self._actor.read.remote(trial, token, name, offset))
        return answer if isinstance(answer, Reply) else bytes(answer)

    def write(self, trial: str, token: str, name: str, offset: int, data: bytes) -> Reply:
        """Ask `Receiver.write`."""
        import numpy as np

        # An array goes into Ray's memory as it is; bytes would be copied twice more.
        array = np.frombuffer(data, np.uint8)
        return self._get(  # type: ignore[no-any-return]
            self._actor.write.remote(trial, token, name, offset, array)
        )

    def deliver(self, trial: str, token: str, delivery: Delivery) -> Reply:
        """Ask `Receiver.deliver`."""
        return self._get(  # type: ignore[no-any-return]
            self._actor.deliver.remote(trial, token, delivery)
        )

    def _get(self, reference: Any) -> Any:
        import ray

        return ray.get(reference)


def _name(session: str) -> str:
    return f"receiver-{session}"
