"""A training has a folder of its own, unless it goes on in the one that it has."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from sweeps.commands.train_folder import TrainFolder, choose, find, is_training
from sweeps.config.composition import compose
from trainers.config import typed
from trainers.data import resident
from trainers.data.resident import prepare
from trainers.errors import ConfigError
from trainers.files import history


def chosen(where: Path, *words: str, more: int = 0, data: str = "d1") -> TrainFolder:
    with compose([f"results={where}", *words]) as composition:
        return choose(composition.base, more, data)


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


def test_one_of_other_data_is_not_gone_on_with(tmp_path: Path) -> None:
    first = chosen(tmp_path, "epochs=3")
    trained(first, 2)
    config = (first.path / "config.yaml").read_bytes()
    for more in (0, 2):
        with pytest.raises(
            ConfigError, match=r"was trained on other data \(fingerprint d1, now d2"
        ):
            chosen(tmp_path, "epochs=3", more=more, data="d2")
    assert (first.path / "config.yaml").read_bytes() == config
    (first.path / "data").unlink()  # as an older version left it
    assert chosen(tmp_path, "epochs=3", data="d2").path == first.path


def ended(where: Path, *words: str, epochs: int = 3) -> TrainFolder:
    """A training of the digits, as far as its folder tells."""
    small = ("data=digits", "data.fraction=0.25", *words)
    with compose(small) as composition:
        fingerprint = prepare(typed(composition.base).data).fingerprint
    folder = chosen(where, *small, "epochs=3", data=fingerprint)
    trained(folder, epochs)
    return folder


def test_one_that_has_ended_is_found_at_its_best_epoch(tmp_path: Path) -> None:
    folder = ended(tmp_path)
    for name in ("train/0001", "train/1", "train/train/0001"):
        one = find(tmp_path, name, "")
        assert (one.path, one.epoch, one.value) == (folder.path, 3, 0.3)
        assert one.checkpoint == folder.path / "epoch_003"
    assert [is_training(name) for name in ("train/1", "train", "quickstart")] == [
        True,
        False,
        False,
    ]


def test_one_that_patience_has_ended_is_finished(tmp_path: Path) -> None:
    folder = ended(tmp_path, "patience=1", epochs=0)
    history.write(folder.path / "metrics.csv", {1: {"val_accuracy": 0.5}, 2: {"val_accuracy": 0.4}})
    assert find(tmp_path, "train/0001", "").epoch == 1


def test_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"TRAIN=0001: no such training in .*there are none"):
        find(tmp_path, "train/0001", "")
    folder = ended(tmp_path, epochs=2)
    for name in ("train/7", "train/../x", "train/"):
        with pytest.raises(ConfigError, match=r"no such training .*there are 0001 to 0001"):
            find(tmp_path, name, "")
    with pytest.raises(ConfigError, match=r"is unfinished, with 2 of 3 epochs: the make train"):
        find(tmp_path, "train/1", "")
    trained(folder, 3)
    (folder.path / "data").write_text("other\n")
    with pytest.raises(ConfigError, match=r"was trained on other data"):
        find(tmp_path, "train/1", "")
    (folder.path / "config.yaml").write_text("a: [")
    with pytest.raises(ConfigError, match=r"cannot be read"):
        find(tmp_path, "train/1", "")


def test_where_nothing_can_be_written() -> None:
    with pytest.raises(ConfigError, match=r"results=/proc/none cannot be written"):
        chosen(Path("/proc/none"))


def test_one_of_tensors_is_found_in_another_process(tmp_path: Path) -> None:
    """All of their numbers are compared, with which a process that only trains has no time."""
    root = tmp_path / "arrays.npz"
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(60, 4)).astype(np.float32), np.arange(60) % 3
    np.savez(root, x=x, y=y)
    words = ("task=classes", "data=tensors", f"data.root={root}", "epochs=1")
    with compose(words) as composition:
        fingerprint = prepare(typed(composition.base).data).fingerprint
    trained(chosen(tmp_path, *words, data=fingerprint), 1)
    resident._loaded.clear()
    assert find(tmp_path, "train/1", "").epoch == 1
    np.savez(root, x=x + 1, y=y)
    with pytest.raises(ConfigError, match="was trained on other data"):
        find(tmp_path, "train/1", "")
