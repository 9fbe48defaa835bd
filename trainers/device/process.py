"""Set up the process for one training: device, threads, random state, determinism."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

import torch
from torch import Tensor

from trainers.config import Device, TrainConfig
from trainers.errors import ConfigError


def pick_device(config: TrainConfig) -> torch.device:
    """Choose the device that the configuration asks for.

    `device=auto` takes no CUDA card where a training was given none (`resources.gpu=0`).

    Raises:
        ConfigError: this machine has no such device.
    """
    available = {
        Device.cuda: torch.cuda.is_available(),
        Device.mps: torch.backends.mps.is_available(),
        Device.cpu: True,
    }
    if config.device is Device.auto:
        if config.resources.gpu == 0:  # it is another's
            available[Device.cuda] = False
        return torch.device(next(d for d, there in available.items() if there).value)
    if not available[config.device]:
        raise ConfigError(
            f"device={config.device.value} is not available here: use device=auto or device=cpu"
        )
    return torch.device(config.device.value)


def set_up_process(config: TrainConfig, device: torch.device) -> None:
    """Make results depend on the configuration alone, not on what this process ran before."""
    torch.set_num_threads(max(1, int(config.resources.cpu)))
    if device.type == "cuda":
        # cuBLAS reads this when it first runs; without it, sums may be taken in any order.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
        # Filling costs time and decides nothing.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        torch.use_deterministic_algorithms(True, warn_only=True)
        if torch.cuda.is_available():
            _limit_memory(config.resources.gpu_memory_gb)


def _limit_memory(gigabytes: float | None) -> None:
    """Let a training that takes more of the card end alone, not the trials beside it."""
    card = torch.cuda.get_device_properties(torch.cuda.current_device())
    share = 1.0 if gigabytes is None else min(1.0, gigabytes * 1e9 / card.total_memory)
    torch.cuda.set_per_process_memory_fraction(share)


def memory_lacking(error: str) -> str:
    """Say how much of a card a training had, and asked for, when there was no more.

    Args:
        error: PyTorch's account of it, which goes on with advice.
    """
    asked = re.search(r"Tried to allocate ([\d.]+ \w+)", error)
    if asked is None or not torch.cuda.is_available():
        return error
    card = torch.cuda.get_device_properties(torch.cuda.current_device())
    had = f"it had {torch.cuda.memory_allocated() / 1e9:.1f} GB"
    return f"{had}, and asked for {asked[1]} more, of a card of {card.total_memory / 1e9:.1f} GB"


def random_state(device: torch.device) -> dict[str, Tensor]:
    """Return torch's random state on the CPU and on the device."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: Mapping[str, Tensor], device: torch.device) -> None:
    """Restore a random state; ignore the state of another kind of device."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
