"""A trial's process trains, tells each epoch, and says in a line how it ended badly."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweeps.backend import worker
from sweeps.config.composition import compose
from sweeps.config.keys import plain
from tests.sweeps.processes import ROOT
from trainers.files import checkpoints

WORDS = ("space=null", "data.fraction=0.25", "model.width=8", "model.depth=1", "epochs=3")
FAULTY = ("model._target_=tests.faulty.Faulty", "+model.fault=none")

Work = Callable[..., dict[str, Any]]


@pytest.fixture
def work(tmp_path: Path) -> Work:
    def make(*words: str, after: int = 0) -> dict[str, Any]:
        with compose([*WORDS, *words]) as composition:
            config = plain(composition.base)
        folder = tmp_path / "0000"
        folder.mkdir(exist_ok=True)
        return {
            "trial": "0000",
            "config": config,
            "folder": str(folder),
            "after": after,
            "owner": "f00d/0000",
        }

    return make


def trained(work: dict[str, Any], member: str = "me") -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    worker.train(work, member, told.append)
    return told


def test_tells_each_epoch_once_its_checkpoint_is_there(work: Work, tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []

    def tell(result: dict[str, Any]) -> None:
        assert result["epoch"] in checkpoints.saved(tmp_path / "0000")
        told.append(result)

    worker.train(work(), "me", tell)
    assert [result["epoch"] for result in told] == [1, 2, 3]
    assert {result["member"] for result in told} == {"me"}
    assert all(result["machine"] and result["metrics"]["epoch_s"] > 0 for result in told)


def test_goes_on_where_it_was_and_tells_what_nobody_has_heard(work: Work) -> None:
    first = trained(work())
    again = trained(work(after=1))
    assert [result["epoch"] for result in again] == [2, 3]
    assert [r["metrics"] for r in again] == [r["metrics"] for r in first[1:]]


@pytest.mark.parametrize(
    ("fault", "state", "reason"),
    [
        ("raise", "failed", "ValueError: a fault of the model's own"),
        ("diverge", "diverged", "epoch 1"),
        ("memory", "failed", "out of GPU memory"),
        ("host_memory", "failed", "out of memory"),
    ],
)
def test_a_fault_ends_the_trial_and_not_the_process(
    fault: str, state: str, reason: str, work: Work, tmp_path: Path
) -> None:
    told = trained(work(*FAULTY, f"model.fault={fault}"))
    assert told[-1]["state"] == state
    assert reason in told[-1]["reason"]
    assert len(told[-1]["reason"].splitlines()) == 1
    assert bool(told[-1].get("memory")) is ("memory" in fault)
    assert (tmp_path / "0000" / "log").is_file() == (state == "failed")
    assert trained(work(*FAULTY, "model.fault=none"))[-1]["epoch"] == 3


def test_a_full_disk_is_waited_for_and_costs_no_epoch(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [result["metrics"]["val_loss"] for result in trained(work("seed=3"))]
    shutil.rmtree(tmp_path / "0000")
    full, looks, save = [True], [], checkpoints.save

    def fills(folder: Path, epoch: Any, owner: str) -> Path:
        if epoch.number == 2 and full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return save(folder, epoch, owner)

    def look(folder: Path) -> str | None:
        looks.append(folder)
        full[0] = len(looks) < 4  # room is made after some looks
        return "No space left on device" if full[0] else None

    monkeypatch.setattr(checkpoints, "save", fills)
    monkeypatch.setattr(worker.disk_faults, "why_unwritable", look)
    monkeypatch.setattr(worker, "_LOOK_S", 0.0)
    told = trained(work("seed=3"))
    assert [result.get("epoch", "waiting") for result in told] == [1, "waiting", 2, 3]
    assert told[1]["waiting"] == f"{tmp_path / '0000'} cannot be written: No space left on device"
    assert [r["metrics"]["val_loss"] for r in told if "epoch" in r] == expected


def test_a_process_that_has_lost_the_trial_is_waited_for(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = work()
    lock = os.open(tmp_path / "0000" / ".lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            os.close(lock)

    monkeypatch.setattr(worker.time, "sleep", sleep)
    monkeypatch.setattr(worker, "_TELL_S", -1.0)
    told = trained(given)
    assert [result.get("epoch", "waiting") for result in told] == ["waiting", 1, 2, 3]
    assert "in use" in told[0]["waiting"], "a person hears of it once"
    assert len(slept) == 3


def test_another_disk_that_fails_for_good_fails_the_trial(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: object) -> Path:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(checkpoints, "save", broken)
    (told,) = trained(work())
    assert told["state"] == "failed"
    assert "Input/output error" in told["reason"]


def test_a_folder_that_this_machine_does_not_have_is_named(work: Work, tmp_path: Path) -> None:
    (told,) = trained({**work(), "folder": str(tmp_path / "elsewhere")})
    assert told["state"] == "failed"
    assert "results= a folder that all machines share" in told["reason"]


def test_a_machine_without_the_data_trains_nothing(work: Work, tmp_path: Path) -> None:
    given = work()
    given["config"]["data"] = {**given["config"]["data"], "_target_": "trainers.data.mnist.load",
                               "root": str(tmp_path / "nothing")}  # fmt: skip
    about = {"session": "ab", "base": "/data", "fingerprint": "f00d"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainers.data.mnist.MIRRORS", ())
        patch.setenv("TMPDIR", str(tmp_path))
        (told,) = trained({**given, "data": about})
    assert "MNIST is not in" in told["lacks"]
    assert told["machine"]
    assert not (tmp_path / "0000" / ".lock").exists()


def test_its_process_loads_none_of_the_drivers_libraries() -> None:
    code = (
        "import sys; import sweeps.backend.worker\n"
        "print(sorted({'ray', 'wandb', 'optuna', 'rich', 'sklearn'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout == "[]\n"


def test_a_machine_without_memory_is_told_from_a_card() -> None:
    text = "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"
    assert worker._memory_lacking(RuntimeError(text)) == f"out of memory: {text}"
    assert worker._memory_lacking(MemoryError()) == "out of memory"
    assert worker._memory_lacking(RuntimeError("CUDA error: an illegal access")) == ""
