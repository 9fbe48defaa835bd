"""A training has a folder of its own, unless it goes on in the one that it has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sweeps.commands.train_folder import TrainFolder, choose
from sweeps.config.composition import compose
from trainers.errors import ConfigError
from trainers.files import history


def chosen(where: Path, *words: str, more: int = 0) -> TrainFolder:
    with compose([f"results={where}", *words]) as composition:
        return choose(composition.base, more)


def trained(folder: TrainFolder, epochs: int) -> None:
    rows = {n: {"val_accuracy": n / 10} for n in range(1, epochs + 1)}
    history.write(folder.path / "metrics.csv", rows)


def test_only_an_unfinished_one_of_the_same_configuration_is_gone_on_with(tmp_path: Path) -> None:
    first = chosen(tmp_path, "epochs=3")
    assert (first.path, first.trained) == (tmp_path / "train" / "0001", frozenset())
    trained(first, 2)
    again = chosen(tmp_path, "epochs=3")
    assert (again.path, again.id, again.trained) == (first.path, first.id, {1, 2})
    other = chosen(tmp_path, "epochs=3", "optimizer.lr=0.5")
    assert other.path.name == "0002"
    assert other.id != first.id
    assert re.fullmatch(r"[0-9a-f]{8}", other.id)
    trained(other, 3)
    assert chosen(tmp_path, "epochs=3", "optimizer.lr=0.5").path.name == "0003"


def test_more_epochs_are_those_of_the_last_of_the_configuration(tmp_path: Path) -> None:
    first = chosen(tmp_path, "epochs=3", "schedule=cosine")
    trained(first, 3)
    trained(chosen(tmp_path, "epochs=3", "schedule=step"), 3)
    more = chosen(tmp_path, "schedule=cosine", more=4)
    assert (more.path, more.training.epochs, more.trained) == (first.path, 7, {1, 2, 3})
    assert more.container["schedule"]["epochs"] == 7
    assert chosen(tmp_path, "schedule=cosine", more=1).training.epochs == 8


def test_more_epochs_of_what_was_never_trained_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no training of this configuration to go on with"):
        chosen(tmp_path, more=2)
    assert list(tmp_path.iterdir()) == []


def test_a_configuration_that_cannot_be_read_is_another(tmp_path: Path) -> None:
    first = chosen(tmp_path)
    trained(first, 1)
    (first.path / "config.yaml").write_bytes(b"\xff\xfe: [")
    assert chosen(tmp_path).path.name == "0002"


def test_where_nothing_can_be_written() -> None:
    with pytest.raises(ConfigError, match=r"results=/proc/none cannot be written"):
        chosen(Path("/proc/none"))
