"""The load of a trial's machine is read, or left out; it never costs the trial."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import ray  # noqa: F401  psutil comes with it
import torch

from sweeps.backend import machine_load
from sweeps.backend.machine_load import MachineLoad, smallest_card_gb

HOST = {"cpu_percent", "memory_percent", "trial_cpu_percent", "trial_memory_gb"}


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    machine_load._card.cache_clear()
    yield
    machine_load._card.cache_clear()


def test_of_a_machine_without_a_card() -> None:
    load = MachineLoad()
    held = torch.ones(25_000_000)  # 100 MB
    sum(range(3_000_000))
    found = load.read()
    assert found.keys() == HOST
    assert found["trial_memory_gb"] > held.nbytes / 1e9
    assert found["trial_cpu_percent"] > 0
    assert 0 < found["memory_percent"] < 100


def test_where_psutil_is_missing_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert MachineLoad().read() == {}


class Nvml:
    """Stands in for NVIDIA's library, as there is no card here."""

    NVML_GPU_UTILIZATION_SAMPLES = 1

    class NVMLError(Exception):
        pass

    def __init__(self) -> None:
        self.samples = [(1, 20), (2, 40), (3, 90)]
        self.asked: list[bytes] = []
        self.total = {"card": 16_000_000_000, "small": 11_500_000_000}

    def nvmlInit(self) -> None:  # noqa: N802
        pass

    def nvmlDeviceGetHandleByUUID(self, uuid: bytes) -> str:  # noqa: N802
        self.asked.append(uuid)
        return "card"

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> Any:  # noqa: N802
        return SimpleNamespace(used=3_500_000_000, total=self.total[handle])

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.total)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:  # noqa: N802
        return [*self.total][index]

    def nvmlDeviceGetPowerUsage(self, handle: str) -> int:  # noqa: N802
        raise self.NVMLError("not supported")

    def nvmlDeviceGetUtilizationRates(self, handle: str) -> Any:  # noqa: N802
        return SimpleNamespace(gpu=7)

    def nvmlDeviceGetSamples(self, handle: str, kind: int, since: int) -> Any:  # noqa: N802
        new = [(at, value) for at, value in self.samples if at > since]
        if not new:
            raise self.NVMLError("not found")
        return 1, [
            SimpleNamespace(timeStamp=a, sampleValue=SimpleNamespace(uiVal=v)) for a, v in new
        ]


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> Nvml:
    made = Nvml()
    monkeypatch.setattr("ray._private.thirdparty.pynvml", made, raising=False)
    monkeypatch.setitem(sys.modules, "ray._private.thirdparty.pynvml", made)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    properties = SimpleNamespace(uuid="8a1f-1")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    return made


def test_of_the_trials_own_card_what_it_can_tell(nvml: Nvml) -> None:
    load = MachineLoad()
    found = load.read()
    assert found.keys() == HOST | {"gpu_percent", "gpu_memory_gb"}, "no power: not supported"
    assert (found["gpu_percent"], found["gpu_memory_gb"]) == (50.0, 3.5)
    nvml.samples.append((4, 60))
    assert load.read()["gpu_percent"] == 60.0, "since the last reading"
    assert load.read()["gpu_percent"] == 7.0, "no new sample: as it is now"
    assert nvml.asked == [b"GPU-8a1f-1"]


def test_a_card_that_cannot_be_asked_is_asked_once(
    nvml: Nvml, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[bytes] = []

    def refuse(uuid: bytes) -> None:
        tried.append(uuid)
        raise nvml.NVMLError("no driver")

    monkeypatch.setattr(nvml, "nvmlDeviceGetHandleByUUID", refuse)
    for _ in range(2):
        assert MachineLoad().read().keys() == HOST
    assert len(tried) == 1


def test_the_smallest_card_of_a_machine(nvml: Nvml) -> None:
    assert smallest_card_gb() == 11.5
    nvml.total = {}
    assert smallest_card_gb() is None
