"""Cores, memory and disk: of this machine, and of such as have too little."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from types import SimpleNamespace

import pytest

from cluster.checks import hardware
from cluster.checks.check import Check, Verdict


def test_of_this_machine_all_can_be_told() -> None:
    checks = [
        hardware.cores(),
        hardware.memory(),
        hardware.disk(),
        hardware.shared_memory(),
        hardware.open_files(),
    ]
    assert all(check.found and (check.verdict is Verdict.OK or check.remedy) for check in checks)
    assert str(os.cpu_count()) in checks[0].found


@pytest.mark.parametrize(
    ("name", "text", "verdict"),
    [
        ("cpu.max", "max 100000\n", Verdict.OK),
        ("cpu.max", "50000 100000\n", Verdict.WARN),
        ("cpu.max", "6400000 100000\n", Verdict.OK),
        ("cpu.max", "nonsense", Verdict.OK),
        ("cpu/cpu.cfs_quota_us", "-1", Verdict.OK),
        ("cpu/cpu.cfs_quota_us", "50000", Verdict.WARN),
    ],
)
def test_a_container_may_use_less_than_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, verdict: Verdict
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    (tmp_path / "cpu").mkdir(exist_ok=True)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    check = hardware.cores(tmp_path)
    assert check.verdict is verdict
    if verdict is Verdict.WARN:
        assert "may use 0.5" in check.found
        assert "CPUS=1" in check.remedy


def test_cores_that_this_process_may_not_use_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(4))
    assert hardware.cores(tmp_path).remedy == "make join CPUS=4"


@pytest.mark.parametrize(
    ("free_gb", "verdict"), [(0.5, Verdict.FAIL), (2.0, Verdict.WARN), (9.0, Verdict.OK)]
)
def test_memory_that_is_free(tmp_path: Path, free_gb: float, verdict: Verdict) -> None:
    kb = int(free_gb * 1e9 / 1024)
    (tmp_path / "meminfo").write_text(f"MemTotal: 16000000 kB\nMemAvailable: {kb} kB\nX: 1\n")
    assert hardware.memory(tmp_path / "meminfo", tmp_path).verdict is verdict


def test_memory_that_a_container_may_have(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 16000000 kB\nMemAvailable: 15000000 kB\n")
    (tmp_path / "memory.max").write_text("2000000000\n")
    (tmp_path / "memory.current").write_text("1500000000\n")
    check = hardware.memory(tmp_path / "meminfo", tmp_path)
    assert (check.found, check.verdict) == ("0.5 of 2.0 GB are free", Verdict.FAIL)
    (tmp_path / "memory.max").write_text("max\n")
    assert hardware.memory(tmp_path / "meminfo", tmp_path).verdict is Verdict.OK
    assert hardware.memory(tmp_path / "none", tmp_path).found.endswith("are free"), "not on Linux"


def free(bytes_: float) -> SimpleNamespace:
    return SimpleNamespace(disk_usage=lambda folder: SimpleNamespace(free=bytes_))


def test_room_on_disks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def verdicts(gb: float) -> list[Verdict]:
        with monkeypatch.context() as patch:
            patch.setattr(hardware, "shutil", free(gb * 1e9))
            return [hardware.disk().verdict, hardware.shared_memory(tmp_path).verdict]

    assert verdicts(100) == [Verdict.OK, Verdict.OK]
    assert verdicts(4) == [Verdict.WARN, Verdict.OK]
    assert verdicts(0.06) == [Verdict.WARN, Verdict.WARN]
    assert hardware.shared_memory(tmp_path / "none").verdict is Verdict.OK


@pytest.mark.parametrize(
    ("soft", "verdict"),
    [
        (256, Verdict.FAIL),
        (1024, Verdict.WARN),
        (65536, Verdict.OK),
        (resource.RLIM_INFINITY, Verdict.OK),
    ],
)
def test_files_that_may_be_open(
    monkeypatch: pytest.MonkeyPatch, soft: int, verdict: Verdict
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, resource.RLIM_INFINITY))
    check: Check = hardware.open_files()
    assert check.verdict is verdict
