"""Read what a trial's own machine and card are doing, for W&B alone.

It is read in the trial's process, where a trial may be on any machine of a group; W&B's own system
metrics would show the machine of the driver. A reading at an epoch's end takes some 0.2 ms and
averages over the epoch, so that nothing runs beside the training. psutil, and pynvml for NVIDIA's
cards, come with Ray; where one of them is missing, so are its readings.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any

_GB = 1e9


def psutil_of_ray() -> Any:
    """Import psutil, which Ray brings."""
    import ray

    del ray
    import psutil  # type: ignore[import-untyped]

    return psutil


class MachineLoad:
    """Reads the load since the last reading."""

    def __init__(self) -> None:
        """Begin to count."""
        self._process: Any = None
        with suppress(Exception):  # no reading is worth a trial
            import psutil

            self._psutil = psutil
            self._process = psutil.Process()
            self._of_host()

    def read(self) -> Mapping[str, float]:
        """Return name -> value, the unit in the name; what cannot be read is left out."""
        found: dict[str, float] = {}
        for part in (self._of_host, self._of_card):
            with suppress(Exception):
                found.update(part())
        return found

    def _of_host(self) -> dict[str, float]:
        """Read the machine, and this process, for which 100 % is one core."""
        if self._process is None:
            return {}
        return {
            "cpu_percent": self._psutil.cpu_percent(None),
            "memory_percent": self._psutil.virtual_memory().percent,
            "trial_cpu_percent": self._process.cpu_percent(None),
            "trial_memory_gb": self._process.memory_info().rss / _GB,
        }

    def _of_card(self) -> dict[str, float]:
        """Read the card on which the trial trains, if it trains on one."""
        torch = sys.modules.get("torch")
        if torch is None or not torch.cuda.is_initialized():
            return {}
        card = _card(str(torch.cuda.get_device_properties(0).uuid))
        return {} if card is None else card.read()


class _Card:
    """Reads one of NVIDIA's cards, which may be shared with other trials."""

    def __init__(self, uuid: str) -> None:
        from ray._private.thirdparty import pynvml

        self._nvml: Any = pynvml
        self._nvml.nvmlInit()
        # By its own id: CUDA numbers the cards that this process may see, NVML all of them.
        self._handle = self._nvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}".encode())
        self._seen = 0  # microseconds, of the newest sample

    def read(self) -> dict[str, float]:
        """Return what the card can tell."""
        nvml, handle = self._nvml, self._handle
        found = {}
        with suppress(nvml.NVMLError):
            found["gpu_percent"] = self._utilisation()
        with suppress(nvml.NVMLError):
            found["gpu_memory_gb"] = nvml.nvmlDeviceGetMemoryInfo(handle).used / _GB
        with suppress(nvml.NVMLError):
            found["gpu_power_w"] = nvml.nvmlDeviceGetPowerUsage(handle) / 1000
        return found

    def _utilisation(self) -> float:
        """Return the mean of the samples that the card has kept since the last reading."""
        nvml = self._nvml
        with suppress(nvml.NVMLError):  # none are kept, or none is new
            kind = nvml.NVML_GPU_UTILIZATION_SAMPLES
            _, samples = nvml.nvmlDeviceGetSamples(self._handle, kind, self._seen)
            if samples:
                self._seen = max(sample.timeStamp for sample in samples)
                return float(sum(s.sampleValue.uiVal for s in samples) / len(samples))
        return float(nvml.nvmlDeviceGetUtilizationRates(self._handle).gpu)


def smallest_card_gb() -> float | None:
    """Return the memory of this machine's smallest card; None if no card can be asked."""
    try:
        from ray._private.thirdparty import pynvml

        nvml: Any = pynvml
        nvml.nvmlInit()
        cards = map(nvml.nvmlDeviceGetHandleByIndex, range(nvml.nvmlDeviceGetCount()))
        return min(float(nvml.nvmlDeviceGetMemoryInfo(card).total) / _GB for card in cards)
    except Exception:  # no driver, no permission, another maker's, none at all
        return None


@cache
def _card(uuid: str) -> _Card | None:
    """Find a card once a process; None if it is not one of NVIDIA's, or cannot be asked."""
    try:
        return _Card(uuid)
    except Exception:  # no driver, no permission, another maker's
        return None
