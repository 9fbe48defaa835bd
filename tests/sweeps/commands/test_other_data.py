"""Other data than a model was trained on are told by whatever uses the model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sweeps.commands import diagnose, predict
from sweeps.commands.other_data import than_of_training
from sweeps.commands.train_folder import require_data
from sweeps.results_folder import read_sweep
from tests.sweeps.commands.test_predict import rows
from tests.sweeps.conftest import Ran
from trainers.config import compose
from trainers.data import resident


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
    predict.predict("s", {"results": str(tmp_path)})
    assert "the data are not those" not in capsys.readouterr().out
    before = rows(ran.folder)
    diagnose.best_of("s", {"results": str(tmp_path)})
    assert "the data are not those" not in capsys.readouterr().out
    np.savez(root, x=x + 1, y=y)
    recorded = read_sweep(ran.folder)["data"]
    for command in (predict.predict, diagnose.best_of):
        command("s", {"results": str(tmp_path)})
        told = [line for line in capsys.readouterr().out.splitlines() if "the data are not" in line]
        assert len(told) == 1
        assert f"that s was trained on (fingerprint {recorded}, now " in told[0]
    assert len(rows(ran.folder)) == len(before), "it predicts all the same"


def test_so_they_are_of_a_training(tmp_path: Path) -> None:
    config = compose(["data=circles"])
    assert than_of_training(tmp_path, config.data) == "", "an older version has recorded none"
    require_data(tmp_path, resident.prepare(config.data).fingerprint)
    assert than_of_training(tmp_path, config.data) == ""
    told = than_of_training(tmp_path, compose(["data=circles", "data.samples=101"]).data)
    assert f"the data are not those that {tmp_path.name} was trained on" in told
    assert than_of_training(tmp_path, compose(["data=mnist", "data.root=/absent"]).data) == ""
