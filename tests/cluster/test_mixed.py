"""Trials run on cards and on machines without, and go from one kind to the other."""

from __future__ import annotations

import csv
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from cluster.node import Node, ray_node, wait_for_text
from sweeps.backend.known_head import Head
from tests.cluster.raylets import Machines, line
from tests.cluster.test_machines import members
from tests.sweeps.processes import command, descendants, finish, saved, start
from tests.sweeps.waiting import until


@contextmanager
def cards(machines: Machines, folder: Path, count: int) -> Iterator[Node]:
    """A machine of member beta with a CPU a card, of which Ray is told that they are there."""
    words = (f"--num-cpus={count}", f"--num-gpus={count}", "--labels=member=beta,machine=beta-1")
    environment = Head(machines.address, str(machines.folder / "token")).environment()
    arguments = (f"--address={machines.address}", "--node-ip-address=127.0.0.1", *words)
    with ray_node(arguments, environment, folder / "beta.log") as node:
        wait_for_text(node, "Ray runtime started")
        yield node


def gpu(folder: Path, trial: str) -> float:
    """The cards that a trial has been given."""
    config = folder / "trials" / trial / "config.yaml"
    return float(yaml.safe_load(config.read_text())["resources"]["gpu"])


def epochs(folder: Path, trial: str) -> list[int]:
    with (folder / "trials" / trial / "metrics.csv").open() as file:
        return [int(row["epoch"]) for row in csv.DictReader(file)]


def on(folder: Path, trial: str) -> str:
    """The member on whose machine a trial has trained last; empty before its first epoch."""
    return (members(folder, trial) or [""])[-1]


@pytest.mark.long
def test_trials_run_on_cards_and_without_and_a_lost_card_takes_none_of_them(
    machines: Machines, tmp_path: Path
) -> None:
    folder = tmp_path / "s"
    with cards(machines, tmp_path, 1) as node:
        sweep = start(
            "sweeps", "track=none", "search=grid", "stop=none", "space=null", "seed=1,2,3,4",
            "epochs=150", "model.width=32", "resources.cpu=1", "resources.gpu=auto",
            "max_concurrent=2", "data.fraction=0.5",
            f"results={tmp_path}", "name=s", **machines.environment,
        )  # fmt: skip
        line(sweep, "2 at a time (1 on cards, 1 on machines without)")
        log = folder / "study.log"
        until(lambda: log.exists() and '"zeta"' in log.read_text(), running=sweep)
        until(lambda: '"beta"' in log.read_text(), running=sweep)
        until(lambda: on(folder, "0000") == "beta" and on(folder, "0001") == "zeta", running=sweep)
        assert (gpu(folder, "0000"), gpu(folder, "0001")) == (1.0, 0.0)
        card = next(n for n in ("0000", "0002") if on(folder, n) == "beta" and gpu(folder, n))
        before = saved(folder)
        for process in descendants(node.process.pid):
            if "/raylet/raylet" in command(process):
                os.kill(process, signal.SIGKILL)
        code, output = finish(sweep)
        assert code == 0, output
    assert "a machine was lost: room for" in output
    assert "(0 on cards, " in output
    with (folder / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["state"], row["epochs"]) for row in rows] == [("complete", "150")] * 4
    assert all(epochs(folder, row["id"]) == list(range(1, 151)) for row in rows)
    after = saved(folder)
    assert {path: after[path] for path in before} == before, "a finished epoch ran again"
    assert members(folder, card) == ["beta", "zeta"], "it went on where there is no card"
    assert gpu(folder, card) == 0.0
    assert (
        yaml.safe_load((folder / "sweep.yaml").read_text())["config"]["resources"]["gpu"] == "auto"
    )
