"""Data that are not those of the sweep are noticed by whoever uses its model."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sweeps.commands import diagnose, predict
from sweeps.results_folder import Folder, read_sweep
from tests.sweeps.conftest import Ran
from trainers.data import resident


def rows(folder: Folder) -> list[list[str]]:
    with (folder.path / "submission.csv").open(newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("swept", ["optimizer.lr=0.01,0.02", "data.scaling=none,standardise"])
def test_other_data_than_it_was_trained_on_are_told(
    swept: str,
    tmp_path: Path,
    sweep_anywhere_without_ray: Callable[..., Ran],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where the data vary they are compared with those of the sweep, not of its best trial."""
    root = tmp_path / "arrays.npz"
    generator = np.random.default_rng(0)
    y = generator.integers(0, 3, 200)
    x = (generator.normal(size=(200, 8)) + y[:, None]).astype(np.float32)
    np.savez(root, x=x, y=y)
    words = ("task=classes", "data=tensors", f"data.root={root}", "data.fraction=1", "epochs=1")
    more = ("search=grid", "budget.trials=null", "stop=none", "batch_size=16")
    ran = sweep_anywhere_without_ray(tmp_path, *words, *more, swept)
    assert ran.code == 0
    resident._loaded.clear()  # as in a process of its own
    capsys.readouterr()
    for command in (predict.predict, diagnose.best_of):
        command("s", {"results": str(tmp_path)})
    assert "the data are not those" not in capsys.readouterr().out
    before = rows(ran.folder)
    np.savez(root, x=x + 1, y=y)
    for command in (predict.predict, diagnose.best_of):
        command("s", {"results": str(tmp_path)})
        _one_warning(capsys.readouterr().out, ran)
    assert len(rows(ran.folder)) == len(before), "it predicts all the same"


def _one_warning(output: str, ran: Ran) -> None:
    told = [line for line in output.splitlines() if "the data are not" in line]
    recorded = read_sweep(ran.folder)["data"]
    assert len(told) == 1
    assert f"that s was trained on (fingerprint {recorded}, now " in told[0]
