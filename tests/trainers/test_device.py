"""The process as one training needs it: its device, threads, random state and number format."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch

from trainers.config import Device, Precision, TrainConfig
from trainers.device import (
    autocast,
    forward_type,
    multiplies_bf16,
    multiplies_fp16,
    pick_device,
    random_state,
    set_random_state,
    set_up_process,
)
from trainers.errors import ConfigError

CPU = torch.device("cpu")
CUDA = torch.device("cuda")

Compose = Callable[..., TrainConfig]


@pytest.fixture
def restored() -> Iterator[None]:
    """Puts the settings of the process back, which the other tests share."""
    threads, cudnn = torch.get_num_threads(), torch.backends.cudnn
    flags = cudnn.benchmark, cudnn.deterministic
    fill = torch.utils.deterministic.fill_uninitialized_memory
    yield
    torch.set_num_threads(threads)
    cudnn.benchmark, cudnn.deterministic = flags
    torch.utils.deterministic.fill_uninitialized_memory = fill
    torch.use_deterministic_algorithms(False)


def test_the_device_that_is_asked_for_or_the_best_there_is(small: Compose) -> None:
    assert pick_device(small("device=cpu")) == CPU
    best = pick_device(small("device=auto")).type
    if torch.cuda.is_available():
        assert best == "cuda"
    else:
        assert best == ("mps" if torch.backends.mps.is_available() else "cpu")


@pytest.mark.parametrize("device", [Device.cuda, Device.mps])
def test_a_device_that_is_not_there_is_refused_with_what_to_use(
    device: Device, small: Compose
) -> None:
    there = {Device.cuda: torch.cuda.is_available(), Device.mps: torch.backends.mps.is_available()}
    if there[device]:
        pytest.skip(f"this machine has {device.value}")
    with pytest.raises(ConfigError, match=rf"device={device.value} is not available.*device=cpu"):
        pick_device(small(f"device={device.value}"))


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize(("cpu", "threads"), [(1, 1), (2, 2), (0.5, 1), (2.9, 2)])
def test_a_training_uses_the_cores_it_was_given(cpu: float, threads: int, small: Compose) -> None:
    set_up_process(small(f"resources.cpu={cpu}"), CPU)
    assert torch.get_num_threads() == threads


@pytest.mark.usefixtures("restored")
def test_on_a_gpu_sums_are_taken_in_one_order(
    small: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    """These are settings of the process, which need no GPU to be set."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")  # for it to be as before in the end
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = True, False
    set_up_process(small(), CUDA)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert not torch.backends.cudnn.benchmark
    assert torch.backends.cudnn.deterministic
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.is_deterministic_algorithms_warn_only_enabled()


@pytest.mark.usefixtures("restored")
def test_a_workspace_that_a_user_has_set_stays(
    small: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    set_up_process(small(), CUDA)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"


def test_a_random_state_brings_back_the_same_numbers() -> None:
    state = random_state(CPU)
    before = torch.rand(5)
    torch.rand(3)
    set_random_state(state, CPU)
    assert torch.equal(torch.rand(5), before)


def test_a_random_state_is_a_copy() -> None:
    state = random_state(CPU)
    kept = state["cpu"].clone()
    torch.rand(1000)
    assert torch.equal(state["cpu"], kept)


def test_the_state_of_another_kind_of_device_is_left_aside() -> None:
    """A checkpoint from a GPU goes on without one."""
    state = {**random_state(CPU), "cuda": torch.zeros(16, dtype=torch.uint8)}
    before = torch.rand(2)
    set_random_state(state, CPU)
    assert torch.equal(torch.rand(2), before)


def test_a_training_that_was_given_no_card_takes_none(
    small: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device(small("resources.gpu=0")).type != "cuda"
    for given in ("resources.gpu=null", "resources.gpu=0.25", "resources.gpu=2"):
        assert pick_device(small(given)) == CUDA
    assert pick_device(small("resources.gpu=0", "device=cuda")) == CUDA, "as asked for"


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
