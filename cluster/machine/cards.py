"""Ask NVIDIA's library about this machine's cards: how many, and which processes use them.

The library's Python side comes with Ray. Without a driver, or with cards of another maker, there
are no cards.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any


class Cards:
    """Looks at the cards that programs of this process's environment may use.

    Attributes:
        driver: its version; empty where there is none.
        fault: why there are none though there should be; empty if nothing is wrong.
    """

    def __init__(self) -> None:
        """Ask for them once; they stay."""
        self._handles: list[Any] = []
        self.driver = self.fault = ""
        with suppress(ImportError):
            from ray._private.thirdparty import pynvml

            self._nvml: Any = pynvml
            try:
                self._nvml.nvmlInit()
                self.driver = _text(self._nvml.nvmlSystemGetDriverVersion())
                self._handles = self._find(os.environ.get("CUDA_VISIBLE_DEVICES"))
            except pynvml.NVMLError as error:
                # Without its library a machine has no driver, and mostly no card either.
                missing = vars(error)["value"] == self._nvml.NVML_ERROR_LIBRARY_NOT_FOUND
                self.fault = "" if missing and not _on_bus() else str(error)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._handles)

    def processes(self, most: int | None = None) -> Mapping[int, int]:
        """Map the number of each process that computes on a card to that card's, from 0.

        Args:
            most: look at the first so many cards; None: at all.
        """
        found: dict[int, int] = {}
        for card, handle in enumerate(self._handles[:most]):
            with suppress(self._nvml.NVMLError):  # one that cannot tell hinders nobody
                for process in self._nvml.nvmlDeviceGetComputeRunningProcesses(handle):
                    found[int(process.pid)] = card
        return found

    def _find(self, visible: str | None) -> list[Any]:
        """Return the cards in the order in which CUDA numbers them."""
        nvml = self._nvml
        if visible is None:
            return [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())]
        found: list[Any] = []
        for word in filter(None, (word.strip() for word in visible.split(","))):
            with suppress(nvml.NVMLError):
                if word.isdigit():
                    found.append(nvml.nvmlDeviceGetHandleByIndex(int(word)))
                elif word.startswith(("GPU-", "MIG-")):
                    found.append(nvml.nvmlDeviceGetHandleByUUID(word.encode()))
        return found


def _on_bus(devices: Path = Path("/sys/bus/pci/devices")) -> bool:
    """Whether a card of NVIDIA's is plugged in, whatever drives it."""
    for device in devices.glob("*"):
        with suppress(OSError):
            maker, kind = ((device / name).read_text().strip() for name in ("vendor", "class"))
            if maker == "0x10de" and kind.startswith("0x03"):
                return True
    return False


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
