"""Two sweeps on one head of two real raylets share its slots, and lose nothing by it."""

from __future__ import annotations

import csv
from pathlib import Path
from subprocess import Popen

import pytest

from tests.cluster.raylets import Machines
from tests.sweeps.processes import finish, start, wait_for_epochs


def sweep(machines: Machines, folder: Path, name: str, epochs: int, seeds: str) -> Popen[str]:
    return start(
        "sweeps", "track=none", "search=grid", "stop=none", "space=null", f"seed={seeds}",
        f"epochs={epochs}", "model.width=16", "model.depth=1", "resources.cpu=1",
        "data.fraction=0.25", f"results={folder}", f"name={name}",
        CAVIAR_MEMBER=f"of-{name}", **machines.environment,
    )  # fmt: skip


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def epochs(folder: Path, trial: str) -> list[int]:
    with (folder / "trials" / trial / "metrics.csv").open() as file:
        return [int(row["epoch"]) for row in csv.DictReader(file)]


@pytest.mark.long
def test_a_second_sweep_gets_its_share_and_once_killed_gives_it_back(
    machines: Machines, tmp_path: Path
) -> None:
    with machines.alpha():
        first = sweep(machines, tmp_path, "a", epochs=600, seeds="1,2,3,4,5")
        wait_for_epochs(first, tmp_path / "a" / "study.log", 40)
        second = sweep(machines, tmp_path, "b", epochs=3000, seeds="1,2,3,4,5")
        wait_for_epochs(second, tmp_path / "b" / "study.log", 5)
        assert first.poll() is None, "the second did not have to wait for the end of the first"
        second.kill()
        printed, _ = second.communicate()
        assert "of-a's sweep a" in printed, "it says whom it shares with"
        code, output = finish(first)
        assert code == 0, output
        assert "at a time now: others have of-b's sweep b" in output
        assert "a machine" not in output, "no machine came or went"
        assert [row["state"] for row in rows(tmp_path / "a")] == ["complete"] * 5
        for trial in (f"{number:04d}" for number in range(5)):
            assert epochs(tmp_path / "a", trial) == list(range(1, 601)), "each epoch once"
