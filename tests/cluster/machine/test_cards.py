"""Cards are counted as CUDA numbers them; where there is no driver there are none."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.machine import cards as module
from cluster.machine.cards import Cards, _on_bus


class Nvml:
    """Stands in for NVIDIA's library and three cards, as there is none here."""

    NVML_ERROR_LIBRARY_NOT_FOUND = 12

    class NVMLError(Exception):
        def __init__(self, value: int, text: str = "it does not answer") -> None:
            super().__init__(text)
            self.value = value

    def __init__(self, fault: int | None = None) -> None:
        self._fault = fault

    def nvmlInit(self) -> None:  # noqa: N802
        if self._fault is not None:
            raise self.NVMLError(self._fault)

    def nvmlSystemGetDriverVersion(self) -> bytes:  # noqa: N802
        return b"590.44"

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 3

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        if index > 2:
            raise self.NVMLError(2)
        return index

    def nvmlDeviceGetHandleByUUID(self, uuid: bytes) -> int:  # noqa: N802
        return int(uuid.decode()[-1])

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[Any]:  # noqa: N802
        if handle == 2:
            raise self.NVMLError(3)
        return [SimpleNamespace(pid=100 + handle)]


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, Nvml())
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def install(monkeypatch: pytest.MonkeyPatch, nvml: Nvml) -> None:
    monkeypatch.setattr("ray._private.thirdparty.pynvml", nvml, raising=False)
    monkeypatch.setitem(sys.modules, "ray._private.thirdparty.pynvml", nvml)


@pytest.mark.usefixtures("plugged")
def test_cards_and_who_computes_on_them() -> None:
    cards = Cards()
    assert (len(cards), cards.driver, cards.fault) == (3, "590.44", "")
    assert cards.processes() == {100: 0, 101: 1}, "the third one cannot tell"
    assert cards.processes(1) == {100: 0}


@pytest.mark.usefixtures("plugged")
@pytest.mark.parametrize(
    ("visible", "numbered"),
    [("1", {101: 0}), ("1, 0", {101: 0, 100: 1}), ("GPU-1", {101: 0}), ("", {}), ("7,-1", {})],
)
def test_they_are_numbered_as_cuda_does(
    monkeypatch: pytest.MonkeyPatch, visible: str, numbered: dict[int, int]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert Cards().processes() == numbered


@pytest.mark.parametrize(
    ("code", "on_bus", "fault"), [(12, False, ""), (12, True, "answer"), (9, False, "answer")]
)
def test_without_a_driver_there_are_none_and_a_fault_where_there_should_be(
    monkeypatch: pytest.MonkeyPatch, code: int, on_bus: bool, fault: str
) -> None:
    install(monkeypatch, Nvml(code))
    monkeypatch.setattr(module, "_on_bus", lambda: on_bus)
    cards = Cards()
    assert len(cards) == 0
    assert cards.processes() == {}
    assert fault in cards.fault
    assert bool(fault) is bool(cards.fault)


def test_a_card_is_seen_where_it_is_plugged_in(tmp_path: Path) -> None:
    def plug(name: str, vendor: str, kind: str) -> None:
        (tmp_path / name).mkdir()
        (tmp_path / name / "vendor").write_text(f"{vendor}\n")
        (tmp_path / name / "class").write_text(f"{kind}\n")

    plug("a", "0x1022", "0x030000")
    plug("b", "0x10de", "0x040300")  # the card's sound
    assert not _on_bus(tmp_path)
    plug("c", "0x10de", "0x030200")
    assert _on_bus(tmp_path)
