"""A session that ends leaves the files that the contract names."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.sweeps.conftest import Ran
from tests.sweeps.launch.test_session import rows, summary
from trainers.files import checkpoints

pytestmark = pytest.mark.drawn


def test_a_sweep_leaves_what_the_contract_names(
    sweep_without_ray: Callable[..., Ran],
) -> None:
    lr = "optimizer.lr=tag(log,interval(1e-3,1e-1))"
    ran = sweep_without_ray("search=random", "stop=none", lr, "norm=batch,none", "budget.trials=3")
    assert ran.code == 0
    table = rows(ran)
    assert [row["id"] for row in table] == ["0000", "0001", "0002"]
    assert {row["state"] for row in table} == {"complete"}
    for row in table:
        folder = ran.folder.trials / row["id"]
        assert sorted(p.name for p in folder.glob("epoch_*")) == [
            f"epoch_{n:03d}" for n in (1, 2, 3)
        ]
        for epoch in (1, 2, 3):
            state = torch.load(folder / f"epoch_{epoch:03d}" / "state.pt", weights_only=True)
            assert {"model", "optimizer", "schedule", "rng", "epoch"} <= set(state)
        assert (folder / "config.yaml").is_file()
        assert len((folder / "metrics.csv").read_text().splitlines()) == 4
        assert row["norm"] in ("batch", "none")
        assert 1e-3 <= float(row["optimizer.lr"]) <= 1e-1
    told = summary(ran)
    assert (told["trials"], told["completed"], told["stopped"], told["failed"]) == (3, 3, 0, 0)
    best = told["best"]
    assert isinstance(best, dict)
    top = max(table, key=lambda row: float(row["val_accuracy"]))
    assert best["value"] == float(top["val_accuracy"])
    assert "test_accuracy" in best
    checkpoints.load(Path(best["checkpoint"]))
    assert (ran.folder.path / "best" / "config.yaml").is_file()
    drawn = {path.name for path in (ran.folder.path / "diagnosis").iterdir()}
    assert drawn >= {"confusion.png", "confusion.csv", "classes.png", "hidden.png", "curves.png"}
    assert (ran.folder.path / "importances.csv").read_text().startswith("parameter,")
    assert 0 < float(str(told["overhead"])) < 1
    with (ran.folder.path / "sheet.csv").open(newline="") as file:
        sheet = {row[0]: row[1:] for row in csv.reader(file)}
    best_at = sheet["trial"].index(best["trial"])
    assert [bool(value) for value in sheet["test accuracy"]].count(True) == 1
    assert float(sheet["test accuracy"][best_at]) == best["test_accuracy"]
    assert zipfile.is_zipfile(ran.folder.path / "sheet.xlsx")


def test_a_session_that_is_halted_says_how_to_go_on_and_spares_the_test_part(
    sweep_without_ray: Callable[..., Ran], capsys: pytest.CaptureFixture[str]
) -> None:
    fault = ("model._target_=tests.faulty.Faulty", "+model.fault=none", "stop=none", "epochs=1")
    ran = sweep_without_ray(
        *fault, "search=grid", "model.fault=none,raise", "seed=0,1,2", "failures.in_a_row=2"
    )
    assert ran.code == 1
    halted = summary(ran)["best"]
    assert isinstance(halted, dict)
    assert "test_accuracy" not in halted
    assert not (ran.folder.path / "diagnosis").exists()
    output = capsys.readouterr().out
    assert "2 trials in a row have failed" in output
    assert "make resume SWEEP=s" in output


def test_an_ablation_and_a_trade_off_have_tables_of_their_own(
    sweep_without_ray: Callable[..., Ran],
) -> None:
    words = ("stop=none", "epochs=1", "norm=batch,none")
    ablation = sweep_without_ray("search=ablation", *words, name="ablation")
    with (ablation.folder.path / "ablation.csv").open() as file:
        assert [row["change"] for row in csv.DictReader(file)] == ["", "norm=none"]
    traded = sweep_without_ray("search=grid", *words, "+objectives.parameters=min", name="traded")
    with (traded.folder.path / "pareto.csv").open() as file:
        assert {row["id"] for row in csv.DictReader(file)} <= {"0000", "0001"}
    assert (traded.folder.path / "pareto.png").is_file()
