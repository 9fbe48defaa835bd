"""A machine that does not share the results trains as well, and loses at most what it sends."""

from __future__ import annotations

import csv
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sweeps.backend.stream import scratch
from tests.cluster.raylets import Machines, end, line
from tests.sweeps.processes import ROOT, command, descendants, finish, start, wait_for_epochs
from tests.sweeps.waiting import until

WORDS = ("track=none", "space=null", "data.fraction=0.25", "model.width=16")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A folder that the joined machine has in its own way."""
    try:
        subprocess.run(["unshare", "-m", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"this user may have no view of the disk of its own: {error}")
    folder = tmp_path / "results"
    folder.mkdir()
    return folder


def on_one_machine(*words: str) -> None:
    """A sweep in a single process, whose trials have as many CPUs as they ask for."""
    script = (
        "from contextlib import nullcontext; from tests.sweeps.conftest import NoRay, begun\n"
        f"begun(lambda: nullcontext(NoRay(own=True, address='')), *{words!r})"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, capture_output=True)


@contextmanager
def apart(
    machines: Machines, folder: Path, results: Path, cpus: int
) -> Iterator[subprocess.Popen[str]]:
    """A machine of member alpha, where the results are an empty disk of its own."""
    python = folder / "python"
    script = f'mount -t tmpfs none {shlex.quote(str(results))} && exec {sys.executable} "$@"'
    python.write_text(f'#!/bin/sh\nexec unshare -m sh -c {shlex.quote(script)} -- "$@"\n')
    python.chmod(0o755)
    alpha = start(
        "cluster.join", f"--head={machines.address}", "--member=alpha", f"--cpus={cpus}",
        python=str(python), **machines.environment, CAVIAR_SCRATCH=str(folder / "scratch"),
    )  # fmt: skip
    try:
        line(alpha, "joined")
        line(machines.head, "joined: alpha")
        yield alpha
    finally:
        end(alpha)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def epochs(folder: Path, trial: str) -> list[int]:
    with (folder / "trials" / trial / "metrics.csv").open() as file:
        return [int(row["epoch"]) for row in csv.DictReader(file)]


def tree(folder: Path) -> dict[str, bytes]:
    """The files of all trials; of those that tell times, or the sweep's name, the names alone."""
    timed = ("epoch.json", "metrics.csv", "config.yaml")
    return {
        str(path.relative_to(folder)): b"" if path.name in timed else path.read_bytes()
        for path in (folder / "trials").rglob("*")
        if path.is_file()
    }


def decisions(folder: Path) -> list[tuple[str, ...]]:
    kept = ("id", "state", "epochs", "optimizer.lr", "val_accuracy", "val_loss")
    return [tuple(row[column] for column in kept) for row in rows(folder)]


def test_trials_of_a_machine_that_shares_no_folder(
    machines: Machines, tmp_path: Path, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of more CPUs than there are here: no trial fits on the head's own machine.
    cpus = (os.cpu_count() or 1) + 1
    search = (
        *WORDS, "search=tpe", "search.n_startup_trials=2", "stop=asha", "seed=4", "epochs=9",
        "optimizer.lr=tag(log,interval(1e-3,1e-1))", "budget.trials=6", "max_concurrent=1",
        f"resources.cpu={cpus}", f"results={results}",
    )  # fmt: skip
    with apart(machines, tmp_path, results, cpus) as alpha:
        sweep = start("sweeps", *search, "name=streamed", **machines.environment)
        on_one_machine(*search, "name=alone")
        code, output = finish(sweep)
        assert code == 0, output
        assert "its trials send each epoch here" in output
        assert {row["member"] for row in rows(results / "streamed")} == {"alpha"}
        assert decisions(results / "streamed") == decisions(results / "alone")
        assert tree(results / "streamed") == tree(results / "alone")
        assert not [*(tmp_path / "scratch").iterdir()], "it is cleaned when the session ends"

        # On both machines, of which the other one is killed in the middle.
        sweep = start(
            "sweeps", *WORDS, "resources.cpu=1", "search=grid", "stop=none", "seed=1,2,3",
            "epochs=150", f"results={results}", "name=both", **machines.environment,
        )  # fmt: skip
        folder = results / "both"
        log = folder / "study.log"
        wait_for_epochs(sweep, log, 60)
        until(lambda: '"member":"alpha"' in log.read_text(), running=sweep)
        assert [*(tmp_path / "scratch").glob("caviar-scratch-*/000*")]
        raylet = [p for p in descendants(alpha.pid) if "/raylet/raylet" in command(p)]
        os.kill(raylet[0], signal.SIGKILL)
        code, output = finish(sweep)
        assert code == 0, output
        assert "its trials send each epoch here" in output
        assert [row["state"] for row in rows(folder)] == ["complete"] * 3
        for trial in ("0000", "0001", "0002"):
            assert epochs(folder, trial) == list(range(1, 151)), "each epoch once"
            assert len([*(folder / "trials" / trial).glob("epoch_*/state.pt")]) == 150
        assert not [*(folder / "trials").glob(".session-*")]
    monkeypatch.setenv("CAVIAR_SCRATCH", str(tmp_path / "scratch"))
    until(lambda: not scratch.remove_left() and not [*(tmp_path / "scratch").iterdir()])
