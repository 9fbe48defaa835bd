"""What a training that goes on from another's gets, whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from trainers.config import TrainConfig
from trainers.files import checkpoints, history
from trainers.files.inherit import hand_over, misfit
from trainers.run import run

Compose = Callable[..., TrainConfig]


@pytest.fixture
def parent(tmp_path: Path, small: Compose) -> Path:
    list(run(small(), tmp_path / "parent"))
    return tmp_path / "parent"


def test_the_child_goes_on_after_the_epoch(parent: Path, tmp_path: Path, small: Compose) -> None:
    child = tmp_path / "child"
    hand_over(parent, child, 2)
    assert list(checkpoints.saved(child)) == [1, 2]
    epochs = list(run(small(), child, after=2))
    assert [epoch.number for epoch in epochs] == [3, 4]
    assert not any(epoch.notes for epoch in epochs)
    rows, theirs = (history.read(folder / "metrics.csv") for folder in (child, parent))
    assert [row["val_loss"] for row in rows.values()] == [r["val_loss"] for r in theirs.values()]


def test_cut_short_it_is_finished_by_the_next_call(
    parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child"

    def killed(*words: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "_link", killed)
        with pytest.raises(KeyboardInterrupt):
            hand_over(parent, child, 3)
    assert checkpoints.saved(child) == {}
    hand_over(parent, child, 3)
    assert list(checkpoints.saved(child)) == [1, 2, 3]


def test_a_child_with_epochs_of_its_own_is_left_alone(
    parent: Path, tmp_path: Path, small: Compose
) -> None:
    child = tmp_path / "child"
    hand_over(parent, child, 2)
    list(run(small("checkpoint.keep=best_and_last"), child))
    before = list(checkpoints.saved(child))
    hand_over(parent, child, 2)
    assert list(checkpoints.saved(child)) == before


def test_a_checkpoint_that_is_gone_is_told(parent: Path, tmp_path: Path) -> None:
    shutil.rmtree(parent / "epoch_002")
    with pytest.raises(FileNotFoundError, match="no checkpoint of epoch 2"):
        hand_over(parent, tmp_path / "child", 2)


def test_what_of_a_parent_does_not_fit_a_child(small: Compose) -> None:
    plain, fast = small("optimizer=rmsprop"), small("optimizer=rmsprop", "optimizer.momentum=0.9")
    assert "momentum" in misfit(plain, fast)
    assert misfit(fast, plain) == ""
    assert misfit(small(), small("model.dropout=0.5", "optimizer.lr=0.1", "batch_size=7")) == ""
    assert "another configuration" in misfit(small(), small("model.width=8"))
    assert "another configuration" in misfit(small(), small("model.dropout=0.0"))
