"""Notice within seconds that a Ray of our own has lost one of its processes.

Ray itself tries for a minute to reach what has been killed, and then gives up one trial after the
other, though nothing is wrong with any of them.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from subprocess import Popen
from types import FrameType
from typing import Any

#: Seconds between two looks.
_EVERY_S = 0.5
#: Seconds that the main thread may take to notice.
_STUCK_S = 5.0
#: Those without which nothing works. The others end with the second of them.
_NEEDED = ("gcs_server", "raylet")


class RayLost(BaseException):
    """Raised in the main thread when a process of our own Ray has ended.

    No `Exception`, which Tune would take for one of a trial's.
    """


@contextlib.contextmanager
def watched(own: bool, stuck: Callable[[str], object]) -> Iterator[None]:
    """Raise `RayLost` in the main thread, within a `with` block, once our own Ray is lost.

    Args:
        own: whether Ray was started by this process; that of a cluster is its head's to watch.
        stuck: called with what was lost if the main thread waits within Ray all the same, which
            would end the process after a minute; on another thread.
    """
    if not own or threading.current_thread() is not threading.main_thread():
        yield
        return
    processes = _processes()
    main = threading.main_thread().ident
    assert main is not None
    over = threading.Event()
    lost: list[str] = []

    def look() -> None:
        while not over.wait(_EVERY_S):
            gone = [name for name, process in processes.items() if process.poll() is not None]
            if gone and not over.is_set():
                lost.extend(gone)
                # What waits within Ray looks at signals, and at nothing else.
                signal.pthread_kill(main, signal.SIGUSR1)
                if not over.wait(_STUCK_S):
                    stuck(" and ".join(lost))
                return

    def tell(number: int, frame: FrameType | None) -> None:
        raise RayLost(" and ".join(lost))

    before = signal.signal(signal.SIGUSR1, tell)
    thread = threading.Thread(target=look, name="ray-watch", daemon=True)
    thread.start()
    try:
        yield
    except BaseException as error:  # Ray makes a SystemError of what is raised while it waits
        if not lost:
            raise
        raise RayLost(" and ".join(lost)) from error
    else:
        if lost:  # or Tune has taken it for a trial's
            raise RayLost(" and ".join(lost))
    finally:
        over.set()
        thread.join()
        signal.signal(signal.SIGUSR1, before)


def is_lost() -> bool:
    """Whether a process that our own Ray needs has ended."""
    return any(process.poll() is not None for process in _processes().values())


def kill_rest() -> None:
    """Kill what is left of our own Ray; the processes of trials end with it."""
    for infos in _started().values():
        for info in infos:
            with contextlib.suppress(OSError):
                info.process.kill()


def _processes() -> dict[str, Popen[bytes]]:
    """Map the name of each process that is needed to it."""
    return {name: info.process for name in _NEEDED for info in _started().get(name, ())}


def _started() -> dict[str, list[Any]]:
    """Map each kind of process that Ray has started here to them; empty if it has started none."""
    import ray

    node = ray._private.worker._global_node
    return {} if node is None else dict(node.all_processes)
