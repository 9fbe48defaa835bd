"""Choose where and in which number format a training computes.

process.py         pick its device; set up threads, random state and determinism
number_format.py   choose fp32, bf16 or fp16 for the forward pass
loss_scaling.py    scale the loss where that is fp16
lazy_compiler.py   leave PyTorch's compiler unimported until something is compiled
"""

from trainers.device.number_format import autocast, forward_type
from trainers.device.process import (
    memory_lacking,
    pick_device,
    random_state,
    set_random_state,
    set_up_process,
)

__all__ = [
    "autocast",
    "forward_type",
    "memory_lacking",
    "pick_device",
    "random_state",
    "set_random_state",
    "set_up_process",
]
