"""Choose the number format of a training's forward pass: fp32, bf16 or fp16."""

from __future__ import annotations

import contextlib
from functools import cache

import torch

from trainers.config import Precision, TrainConfig


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
