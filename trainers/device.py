"""Set up the process for one training: device, threads, random state, determinism."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from trainers.config import Device, Precision, TrainConfig
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


def autocast(config: TrainConfig, device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Return a context in which products have the number format of `forward_type`."""
    chosen = forward_type(config, device)
    if chosen is torch.float32:
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=chosen)


def forward_type(config: TrainConfig, device: torch.device) -> torch.dtype:
    """Choose the number format of the forward pass's products.

    `auto` is bf16 where the hardware multiplies it faster than fp32, else fp16 where it multiplies
    that faster (T4, V100, P100), else fp32.
    """
    if config.precision is not Precision.auto:
        return _TYPES[config.precision]
    if multiplies_bf16(device):
        return torch.bfloat16
    return torch.float16 if multiplies_fp16(device) else torch.float32


_TYPES = {
    Precision.fp32: torch.float32,
    Precision.bf16: torch.bfloat16,
    Precision.fp16: torch.float16,
}


@cache
def multiplies_bf16(device: torch.device) -> bool:
    """Whether the device has matrix instructions for bfloat16.

    Other CPUs convert to and fro and are slower with it than without.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and bool(torch.cpu._is_amx_tile_supported())


@cache
def multiplies_fp16(device: torch.device) -> bool:
    """Whether the device is a GPU that multiplies fp16 faster than fp32.

    Since Volta each does; before, the P100 alone (CUDA C++ Programming Guide, table of arithmetic
    throughput): a GTX 1080 has a sixty-fourth of its fp32 rate.
    """
    if device.type != "cuda":
        return False
    capability = torch.cuda.get_device_capability(device)
    return capability >= (7, 0) or capability == (6, 0)
