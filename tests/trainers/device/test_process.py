"""The process as one training needs it: its device, threads and random state."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
import torch

from trainers.config import Device, TrainConfig
from trainers.device import (
    memory_lacking,
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


@pytest.mark.parametrize(("memory", "share"), [("null", 1.0), ("4.0", 0.25), ("99.0", 1.0)])
def test_a_training_takes_no_more_of_a_card_than_it_may(
    small: Compose, restored: None, monkeypatch: pytest.MonkeyPatch, memory: str, share: float
) -> None:
    shares: list[float] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    card = SimpleNamespace(total_memory=16_000_000_000)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: card)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", shares.append)
    set_up_process(small(f"resources.gpu_memory_gb={memory}"), CUDA)
    assert shares == [share]


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


def test_what_a_training_lacked_of_a_card_is_said_in_figures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    error = "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 14 GiB"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert memory_lacking(error) == error
    card = SimpleNamespace(total_memory=16e9)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: card)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: 3.94e9)
    told = "it had 3.9 GB, and asked for 20.00 MiB more, of a card of 16.0 GB"
    assert memory_lacking(error) == told
    assert memory_lacking("out of memory") == "out of memory"


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
