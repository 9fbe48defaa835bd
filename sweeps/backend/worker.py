"""Train a trial in a process of its own on some machine, and tell each epoch.

A process trains many trials, one after the other. Nothing here knows Ray: `tell` is given.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from sweeps.backend.machine_load import MachineLoad
from sweeps.backend.stream.machine_data import DriversData, LacksData, found_here
from sweeps.backend.stream.sender import AsksReceiver, Superseded
from sweeps.backend.stream.trial_folder import TrialFolder, trial_folder
from sweeps.repeats.lockstep import lockstep
from sweeps.repeats.settings import Repeats
from trainers.config import typed
from trainers.errors import (
    ConfigError,
    Diverged,
    FolderInUse,
    class_and_first_line,
    first_line,
)
from trainers.files import disk_faults
from trainers.run import Saved

#: Seconds between two looks at a folder that cannot be written.
_LOOK_S = 2.0
#: Seconds for a process that has lost its trial to end, until a person hears of it, and between two
#: looks. A machine that is cut off from the head gives up after ten minutes (`cluster.join`).
_PATIENCE_S, _TELL_S, _IN_USE_S = 900.0, 10.0, 0.5
#: How often an epoch is tried again after an error of a disk that is not the results'.
_TRIES = 3

#: Set once the process can train no more, such as after a fault on the GPU.
_broken = False


def train(
    work: Mapping[str, Any],
    member: str,
    tell: Callable[[dict[str, Any]], None],
    connect: Callable[[], AsksReceiver] | None = None,
) -> None:
    """Run a trial to its end, or until `tell` raises; a disk that is full is waited for.

    Args:
        work: trial, config, folder, after and owner, as in `sweeps.driver.contract.Assignment`; on
            a cluster also mark, session and data (`sweeps.backend.stream.sending`).
        member: whose machine this is; empty if nobody's in particular.
        tell: takes {"epoch", "metrics", "notes", "load", "streams", "member", "machine"} for each
            epoch, {"apart": True} first if this machine does not reach the trial's folder,
            {"waiting": reason} when the folder cannot be written for now, {"lacks": reason}
            when this machine has not its data, or {"state", "reason"} when the trial ends badly,
            with "memory" if it would perhaps not with more memory.
        connect: connects to the driver's machine, if this one may not reach the folder.
    """
    global _broken
    if _broken:
        os._exit(70)  # the trial is started again, in a new process

    place = {"member": member, "machine": socket.gethostname()}
    try:
        work = _with_own_data(work)
    except LacksData as error:
        tell({"lacks": str(error), **place})
        return
    folder = trial_folder(work, connect)
    try:
        if folder.streams:
            tell({"apart": True, **place})
        _train(work, place, tell, folder)
    except Superseded:
        os._exit(70)  # the trial is another process's: this one was believed lost
    finally:
        folder.close()


def _train(
    work: Mapping[str, Any],
    place: Mapping[str, str],
    tell: Callable[[dict[str, Any]], None],
    folder: TrialFolder,
) -> None:
    global _broken
    import torch

    def say(why: str) -> None:
        tell({"waiting": why})

    def fail(state: str, reason: str, **more: object) -> None:
        with contextlib.suppress(OSError):  # nothing more to send is no reason to wait
            folder.send(say)
        folder.wait(say)
        tell({"state": state, "reason": reason, **more})

    after, tries, load, in_use = int(work["after"]), 0, MachineLoad(), _InUse(say)
    while True:
        try:
            folder.open(str(work["owner"]), say)
            for saved in _epochs(work, folder.path, place["machine"], after):
                folder.send(say)
                epoch = {"epoch": saved.number, "metrics": saved.metrics}
                more = {"notes": list(saved.notes), "streams": folder.streams}
                tell({**epoch, **more, "load": load.read(), **place})
                after, tries = max(after, saved.number), 0
            folder.wait(say)
            return
        except Superseded:
            raise
        except Diverged as error:
            fail("diverged", str(error))
        except FolderInUse as error:  # its last process was lost, and has yet to end
            if in_use.waits(error):
                continue
            folder.log(traceback.format_exc())
            fail("failed", first_line(error))
        except Exception as error:  # whatever a trial raises ends that trial alone
            if tries < _TRIES and disk_faults.of_disk(error) is not None:
                if why := disk_faults.why_unwritable(folder.path):
                    tell({"waiting": f"{folder.path} cannot be written: {why}"})
                    _wait(folder.path)
                else:
                    tries += 1  # it may be another disk's, such as that of the data
                continue
            folder.log(traceback.format_exc())
            _broken = "CUDA error" in str(error)
            lacking = _memory_lacking(error)
            fail("failed", lacking or class_and_first_line(error), memory=bool(lacking))
            if lacking:
                torch.cuda.empty_cache()
        return


class _InUse:
    """Waits for the process to end that the trial was taken from, as it was believed lost."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say, self._said, self._began = say, False, time.monotonic()

    def waits(self, error: FolderInUse) -> bool:
        """Wait a little; False if it has been long enough."""
        waited = time.monotonic() - self._began
        if waited > _TELL_S and not self._said:
            self._said = True
            self._say(first_line(error))
        if waited > _PATIENCE_S:
            return False
        time.sleep(_IN_USE_S)
        return True


def _memory_lacking(error: Exception) -> str:
    """Say what memory a training has run out of; empty if it was something else."""
    import torch

    from trainers.device import memory_lacking

    if isinstance(error, torch.OutOfMemoryError):
        return f"out of GPU memory: {memory_lacking(first_line(error))}"
    if isinstance(error, MemoryError):
        return "out of memory"
    # PyTorch has no class for it where it is the machine's.
    return f"out of memory: {first_line(error)}" if "DefaultCPUAllocator" in str(error) else ""


def _epochs(work: Mapping[str, Any], folder: Path, machine: str, after: int) -> Iterator[Saved]:
    """Train, epoch by epoch, from the newest checkpoint on."""
    if not folder.is_dir():
        raise ConfigError(
            f"{folder} is not on {machine}: give results= a folder that all machines share"
        )
    config = typed(work["config"])
    runs = Repeats.read(work["config"].get("repeats")).runs
    with closing(lockstep(config, runs, folder, after, str(work["owner"]))) as epochs:
        yield from epochs


def _with_own_data(work: Mapping[str, Any]) -> Mapping[str, Any]:
    """Name the data by the path that it has on this machine.

    Raises:
        LacksData: it is not here.
    """
    if not work.get("data"):  # it is the driver's own
        return work
    config = work["config"]
    return {
        **work,
        "config": {**config, "data": found_here(config["data"], DriversData(**work["data"]))},
    }


def _wait(folder: Path) -> None:
    """Wait until a folder can be written again. Whoever ends the sweep ends this process."""
    while disk_faults.why_unwritable(folder) is not None:
        time.sleep(_LOOK_S)
