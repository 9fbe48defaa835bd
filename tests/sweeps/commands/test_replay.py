"""A population that was really trained, and its winner's schedule trained once more."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from sweeps.cli import use_plugins
from sweeps.commands.replay import main, replay
from tests.sweeps.conftest import Ran
from trainers.errors import ConfigError

WORDS = (
    "stop=pbt",
    "stop.interval=1",
    "stop.quantile=0.5",
    "search=random",
    "optimizer.lr=tag(log,interval(1e-4,1e-1))",
    "model.dropout=interval(0.1,0.5)",
    "schedule=one_cycle",
    "checkpoint.keep=best_and_last",
    "first.epochs=1",
    "epochs=4",
    "budget.trials=4",
    "baseline=false",
)


@pytest.fixture(scope="module")
def ran(sweep_anywhere: Callable[..., Ran], tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return sweep_anywhere(tmp_path_factory.mktemp("pbt"), *WORDS)


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_a_population_is_trained_and_told(ran: Ran) -> None:
    assert ran.code == 0
    trials = {row["id"]: row for row in rows(ran.folder.path / "trials.csv")}
    exploits = rows(ran.folder.path / "pbt.csv")
    assert {row["epoch"] for row in exploits} == {"1", "2", "3"}
    for row in exploits:
        gone, child = trials[row["gives_way"]], trials[row["child"]]
        assert gone["state"] == "stopped"
        assert f"gives way to {row['parent']} at epoch {row['epoch']}" in gone["reason"]
        config = OmegaConf.load(ran.folder.trials / row["child"] / "config.yaml")
        assert config.optimizer.lr == float(child["optimizer.lr"])
    assert sum(row["state"] == "complete" for row in trials.values()) == 4


def test_with_the_same_seed_its_schedule_gives_the_same_bits(
    ran: Ran, capsys: pytest.CaptureFixture[str]
) -> None:
    children = [row["child"] for row in rows(ran.folder.path / "pbt.csv")]
    trials = {row["id"]: row for row in rows(ran.folder.path / "trials.csv")}
    whole = next(c for c in reversed(children) if trials[c]["state"] == "complete")
    where = str(ran.folder.path.parent)
    replay("s", {"results": where, "trial": whole, "seed": "0"})
    told = capsys.readouterr().out
    assert "the same to the last bit" in told
    assert "optimizer.lr" in told
    assert len(rows(ran.folder.path / "replay" / f"{whole}_seed_0" / "metrics.csv")) == 4
    replay("s", {"results": where, "trial": whole, "seed": "0"})  # nothing is left to train
    assert capsys.readouterr().out == told

    replay("s", {"results": where, "trial": whole})
    told = capsys.readouterr().out
    assert "with seed 1" in told
    assert "the same to the last bit" not in told


@pytest.mark.parametrize(
    ("given", "told"),
    [({"trial": "77"}, "s has no such trial"), ({"seed": "-1"}, "seed=-1 must be a whole number")],
)
def test_refused(given: dict[str, str], told: str, ran: Ran) -> None:
    with pytest.raises(ConfigError, match=told):
        replay("s", {"results": str(ran.folder.path.parent), **given})


@pytest.mark.parametrize(("words", "told"), [([], "name one sweep"), (["s", "sed=1"], "seed")])
def test_the_command_line(
    words: list[str],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use_plugins()
    monkeypatch.setattr("sys.argv", ["replay", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
