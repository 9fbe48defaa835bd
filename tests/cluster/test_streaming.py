"""Machines that share no folder train as one that does; lost, they take what they send at most."""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sweeps.cli import INTERRUPTED
from tests.cluster.raylets import Machines, end, line
from tests.sweeps.processes import ROOT, command, descendants, finish, start, wait_for_epochs

WORDS = ("track=none", "space=null", "data=tensors", "task=classes", "model.width=16")
#: More than there are here: no trial of as many fits on the head's own machine.
CPUS = (os.cpu_count() or 1) + 1


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `results` and `data`, which joined machines do not reach.

    The driver's data are `mine`, of which these have a copy, and `other`, of which they have none.
    """
    try:
        subprocess.run(["unshare", "-m", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"this user may have no view of the disk of its own: {error}")
    chance = np.random.default_rng(0)
    y = np.arange(400) % 10
    x = (chance.normal(size=(400, 16)) + y[:, None]).astype(np.float32)
    for name in ("data/mine", "data/other", "theirs/mine"):
        (tmp_path / name).mkdir(parents=True)
        np.savez(tmp_path / name / "data.npz", x=x, y=y)
    (tmp_path / "results").mkdir()
    monkeypatch.setenv("DATA_ROOT", str(tmp_path / "data"))
    monkeypatch.setenv("CAVIAR_SCRATCH", str(tmp_path / "scratch"))
    return tmp_path


def joining(machines: Machines, member: str, place: Path) -> subprocess.Popen[str]:
    """A machine with another view of the disk, about to join."""
    folder = place / member
    shutil.copytree(machines.folder, folder, ignore=lambda *_: {"head.json"})
    hidden = (shlex.quote(str(place / name)) for name in ("results", "data"))
    mounts = " && ".join(f"mount -t tmpfs none {path}" for path in hidden)
    python = folder / "python"
    script = f'{mounts} && exec {sys.executable} "$@"'
    python.write_text(f'#!/bin/sh\nexec unshare -m sh -c {shlex.quote(script)} -- "$@"\n')
    python.chmod(0o755)
    environment = {**machines.environment, "CAVIAR_CLUSTER": str(folder)}
    return start(
        "cluster.join", f"--head={machines.address}", f"--member={member}", f"--cpus={CPUS}",
        python=str(python), DATA_ROOT=str(place / "theirs"), **environment,
    )  # fmt: skip


@contextmanager
def joined(machines: Machines, place: Path) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """Machines of the members alpha and beta."""
    with ExitStack() as stack:
        processes = {member: joining(machines, member, place) for member in ("alpha", "beta")}
        for process in processes.values():
            stack.callback(end, process)
        for process in processes.values():
            line(process, "joined")
        yield processes


def on_one_machine(*words: str) -> None:
    """A sweep in a single process, whose trials have as many CPUs as they ask for."""
    script = (
        "from contextlib import nullcontext; from tests.sweeps.conftest import NoRay, begun\n"
        f"begun(lambda: nullcontext(NoRay(own=True, address='')), *{words!r})"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, capture_output=True)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def members(log: Path) -> list[str]:
    """The members on whose machines trials have run, in order."""
    return re.findall(r'"member":"(\w+)"', log.read_text())


def decisions(folder: Path) -> list[tuple[str, ...]]:
    kept = ("id", "state", "epochs", "optimizer.lr", "val_accuracy", "val_loss")
    return [tuple(row[column] for column in kept) for row in rows(folder)]


def tree(folder: Path) -> dict[str, Any]:
    """The files of all trials: what states hold; of other files, which tell times, the names."""
    return {
        str(path.relative_to(folder)): (
            plain(torch.load(path, weights_only=True)) if path.name == "state.pt" else None
        )
        for path in (folder / "trials").rglob("*")
        if path.is_file()
    }


def plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.tolist()
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def epochs(folder: Path, trial: str) -> list[int]:
    with (folder / "trials" / trial / "metrics.csv").open() as file:
        return [int(row["epoch"]) for row in csv.DictReader(file)]


@pytest.mark.long
def test_machines_that_share_no_folder(machines: Machines, place: Path) -> None:
    results = place / "results"
    search = (
        *WORDS, "search=tpe", "search.n_startup_trials=2", "stop=asha", "seed=4", "epochs=27",
        "optimizer.lr=tag(log,interval(1e-3,1e-1))", "budget.trials=4", "max_concurrent=1",
        f"resources.cpu={CPUS}", f"data.root={place / 'data' / 'mine'}", f"results={results}",
    )  # fmt: skip
    with joined(machines, place) as processes:
        sweep = start("sweeps", *search, "name=streamed", **machines.environment)
        folder = results / "streamed"
        log = folder / "study.log"
        wait_for_epochs(sweep, log, 20)
        # The machine that trains is lost: the trial goes on on the other one.
        lost = members(log)[-1]
        raylet = [p for p in descendants(processes[lost].pid) if "/raylet/raylet" in command(p)]
        os.kill(raylet[0], signal.SIGKILL)
        on_one_machine(*search, "name=alone")
        code, output = finish(sweep)
        assert code == 0, output
        assert "its trials send each epoch here" in output
        assert "is not reached" not in output
        assert set(members(log)) == {"alpha", "beta"}
        assert decisions(folder) == decisions(results / "alone")
        assert tree(folder) == tree(results / "alone")
        for row in rows(folder):
            assert epochs(folder, row["id"]) == [*range(1, int(row["epochs"]) + 1)], "each once"

        # Of data that it lacks the other one trains nothing, and nothing fails by it.
        sweep = start(
            "sweeps", *WORDS, f"data.root={place / 'data' / 'other'}", "resources.cpu=1",
            "search=grid", "stop=none", "seed=1,2,3,4,5", "epochs=9999", f"results={results}",
            "name=other", **machines.environment,
        )  # fmt: skip
        assert str(place / "data" / "other") in line(sweep, "lacks the data")
        sweep.send_signal(signal.SIGINT)
        code, output = finish(sweep)
        assert code == INTERRUPTED, output
        assert "lacks the data" not in output, "it is said once"
        assert {row["state"] for row in rows(results / "other")} == {"running"}
        assert {row["member"] for row in rows(results / "other")} <= {"zeta", ""}
    assert not [*(place / "scratch").iterdir()], "a machine that has left keeps nothing"
