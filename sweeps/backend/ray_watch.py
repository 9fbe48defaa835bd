"""Watch the processes of Ray here: tell within seconds that one is lost, and whose they are.

Ray itself tries for a minute to reach what has been killed, and then gives up one trial after the
other, though nothing is wrong with any of them; or, where a head has been started again meanwhile,
it asks the raylet that is no more for ever.
"""

from __future__ import annotations

import contextlib
import functools
import signal
import threading
from collections.abc import Callable, Iterator
from functools import partial
from subprocess import Popen
from types import FrameType
from typing import Any

from sweeps.backend.machine_load import psutil_of_ray

#: Seconds between two looks.
_EVERY_S = 0.5
#: Seconds that the main thread may take to notice.
_STUCK_S = 5.0
#: Those without which nothing works. The others end with the second of them.
_NEEDED = ("gcs_server", "raylet")

#: Whether a process has ended.
_HasEnded = Callable[[], bool]


class RayLost(BaseException):
    """Raised in the main thread when a process that Ray needs here has ended.

    No `Exception`, which Tune would take for one of a trial's.
    """


@contextlib.contextmanager
def watched(stuck: Callable[[str], object]) -> Iterator[None]:
    """Raise `RayLost` in the main thread, within a `with` block, once Ray is lost here.

    Args:
        stuck: called with what was lost if the main thread waits within Ray all the same, which
            would end the process after a minute; on another thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    processes = _processes()
    main = threading.main_thread().ident
    assert main is not None
    over = threading.Event()
    lost: list[str] = []

    def look() -> None:
        while not over.wait(_EVERY_S):
            gone = [name for name, has_ended in processes.items() if has_ended()]
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
    """Whether a process that Ray needs here has ended."""
    return any(has_ended() for has_ended in _processes().values())


def kill_rest() -> None:
    """Kill what is left of our own Ray; the processes of trials end with it."""
    for infos in _started().values():
        for info in infos:
            with contextlib.suppress(OSError):
                info.process.kill()


def know_raylet() -> None:
    """Find the raylet that this process is connected through, while it is there."""
    _processes()


def is_of_this_user() -> bool:
    """Whether the raylet that this process is connected through is found, and this user's."""
    raylet, psutil = _raylet(), psutil_of_ray()
    try:
        return raylet is not None and raylet.username() == psutil.Process().username()
    except psutil.Error:  # it has ended
        return False


def _processes() -> dict[str, _HasEnded]:
    """Map the name of each process that is needed to whether it has ended.

    They are those of our own Ray; or the raylet alone, where the Ray is a cluster's.
    """
    own = {name: info.process for name in _NEEDED for info in _started().get(name, ())}
    if own:
        return {name: partial(_has_finished, process) for name, process in own.items()}
    raylet = _raylet()
    return {} if raylet is None else {"raylet": partial(_has_ended, raylet)}


def _raylet() -> Any:
    """Return the raylet that this process is connected through; None if there is none here."""
    node = _node()
    return None if node is None else _raylet_of(str(node.raylet_socket_name))


@functools.cache
def _raylet_of(socket: str) -> Any:
    """Return the raylet that listens at a socket, as psutil has it; None if it is not found."""
    psutil = psutil_of_ray()
    for process in psutil.process_iter(["cmdline"]):
        if f"--raylet_socket_name={socket}" in (process.info["cmdline"] or ()):
            return process
    return None


def _has_finished(process: Popen[bytes]) -> bool:
    return process.poll() is not None


def _has_ended(process: Any) -> bool:
    psutil = psutil_of_ray()
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True


def _started() -> dict[str, list[Any]]:
    """Map each kind of process that Ray has started here to them; empty if it has started none."""
    node = _node()
    return {} if node is None else dict(node.all_processes)


def _node() -> Any:
    """Return what Ray knows of itself on this machine; None where this process has no Ray."""
    import ray

    return ray._private.worker._global_node
