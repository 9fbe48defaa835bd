"""Products have the number format asked for, or the one that the hardware multiplies fastest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from trainers.config import Precision, TrainConfig
from trainers.device.number_format import (
    autocast,
    forward_type,
    multiplies_bf16,
    multiplies_fp16,
)

CPU = torch.device("cpu")
CUDA = torch.device("cuda")

Compose = Callable[..., TrainConfig]


@pytest.mark.parametrize(
    ("capability", "chosen"),
    [
        ((6, 0), torch.float16),  # P100
        ((6, 1), torch.float32),  # GTX 1080
        ((7, 0), torch.float16),  # V100
        ((7, 5), torch.float16),  # T4
        ((8, 0), torch.bfloat16),  # A100
        ((9, 0), torch.bfloat16),  # H100
    ],
)
def test_auto_is_the_format_that_the_card_multiplies_fastest(
    capability: tuple[int, int],
    chosen: torch.dtype,
    small: Compose,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    for function in (multiplies_bf16, multiplies_fp16):
        function.cache_clear()
    try:
        assert forward_type(small("precision=auto"), CUDA) is chosen
        assert forward_type(small("precision=fp32"), CUDA) is torch.float32
        assert forward_type(small("precision=auto"), torch.device("mps")) is torch.float32
    finally:
        for function in (multiplies_bf16, multiplies_fp16):
            function.cache_clear()


def product(config: TrainConfig) -> torch.dtype:
    with autocast(config, CPU):
        return (torch.ones(2, 2) @ torch.ones(2, 2)).dtype


def test_products_have_the_number_format_asked_for(small: Compose) -> None:
    assert product(small("precision=fp32")) is torch.float32
    assert product(small("precision=bf16")) is torch.bfloat16
    assert product(small("precision=fp16")) is torch.float16
    auto = torch.bfloat16 if multiplies_bf16(CPU) else torch.float32
    assert product(small("precision=auto")) is auto


def test_a_context_of_bf16_ends_with_its_block(small: Compose) -> None:
    config = small("precision=fp32")
    assert product(config) is torch.float32
    assert product(replace(config, precision=Precision.bf16)) is torch.bfloat16
    assert product(config) is torch.float32
