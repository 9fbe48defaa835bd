"""Train a trial in a process of its own on some machine, and tell each epoch.

A process trains many trials, one after the other. Nothing here knows Ray: `tell` is given.
"""

from __future__ import annotations

import os
import socket
import traceback
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from sweeps.backend.repeat_runs import lockstep
from sweeps.repeats.settings import Repeats
from trainers.config import typed
from trainers.errors import ConfigError, Diverged, class_and_first_line, first_line

#: Set once the process can train no more, such as after a fault on the GPU.
_broken = False


def train(work: Mapping[str, Any], member: str, tell: Callable[[dict[str, Any]], None]) -> None:
    """Run a trial to its end, or until `tell` raises.

    Args:
        work: trial, config, folder, after and owner, as in `sweeps.driver.contract.Assignment`.
        member: whose machine this is; empty if nobody's in particular.
        tell: takes {"epoch", "metrics", "notes", "member", "machine"} for each epoch, or
            {"state", "reason"} when the trial ends badly.
    """
    global _broken
    if _broken:
        os._exit(70)  # the trial is started again, in a new process

    import torch

    folder = Path(str(work["folder"]))
    place = {"member": member, "machine": socket.gethostname()}
    try:
        if not folder.is_dir():
            raise ConfigError(
                f"{folder} is not on {place['machine']}: give results= a folder that all machines "
                "share"
            )
        config = typed(OmegaConf.create(dict(work["config"])))
        runs = Repeats.read(work["config"].get("repeats")).runs
        after, owner = int(work["after"]), str(work["owner"])
        with closing(lockstep(config, runs, folder, after, owner)) as epochs:
            for saved in epochs:
                tell(
                    {
                        "epoch": saved.number,
                        "metrics": saved.metrics,
                        "notes": list(saved.notes),
                        **place,
                    }
                )
    except Diverged as error:
        tell({"state": "diverged", "reason": str(error)})
    except torch.OutOfMemoryError as error:
        _log(folder)
        tell({"state": "failed", "reason": f"out of GPU memory: {first_line(error)}"})
        torch.cuda.empty_cache()
    except MemoryError:
        _log(folder)
        tell({"state": "failed", "reason": "out of memory"})
    except Exception as error:  # whatever a trial raises ends that trial alone
        _log(folder)
        _broken = "CUDA error" in str(error)
        tell({"state": "failed", "reason": class_and_first_line(error)})


def _log(folder: Path) -> None:
    """Keep the traceback beside the trial's checkpoints."""
    if folder.is_dir():
        with (folder / "log").open("a", encoding="utf-8") as file:
            file.write(traceback.format_exc())
