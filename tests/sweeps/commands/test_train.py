"""One model is trained and shown epoch by epoch, and goes on where it was interrupted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from sweeps.commands.train import _more, train
from sweeps.config.composition import compose
from sweeps.tracking import NullTracker
from trainers.errors import ConfigError
from trainers.files import history

WORDS = ("track=none", "data.fraction=0.25", "model.width=16", "model.depth=1", "norm=none")


class Interrupted(NullTracker):
    """Ctrl-C comes after an epoch."""

    after: ClassVar[int] = 0
    reported: ClassVar[list[int]] = []

    def epoch(
        self, trial: str, epoch: int, metrics: Mapping[str, float], checkpoint: Path, best: bool
    ) -> None:
        self.reported.append(epoch)
        if epoch == self.after:
            raise KeyboardInterrupt


INTERRUPTED = f"track._target_={Interrupted.__module__}.Interrupted"


def run(where: Path, *words: str) -> None:
    with compose([*WORDS, f"results={where}", *words]) as composition:
        train(composition.base)


def more(where: Path, epochs: int, *words: str) -> None:
    with compose([*WORDS, f"results={where}", *words]) as composition:
        train(composition.base, epochs)


def rows(where: Path, folder: str = "0001") -> dict[int, dict[str, float]]:
    return history.read(where / "train" / folder / "metrics.csv")


def test_each_epoch_is_shown_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, "epochs=2")
    folder = tmp_path / "train" / "0001"
    assert [*rows(tmp_path)] == [1, 2]
    assert (folder / "config.yaml").is_file()
    assert sorted(p.name for p in folder.glob("epoch_*")) == ["epoch_001", "epoch_002"]
    output = capsys.readouterr().out
    lines = [line.split() for line in output.splitlines()]
    assert ["epoch", "train_loss", "val_loss", "val_accuracy", "lr", "samples_per_s"] in lines
    assert [line[0] for line in lines if line and line[0].isdigit()][:2] == ["1", "2"]
    best = max(row["val_accuracy"] for row in rows(tmp_path).values())
    assert f"best val_accuracy {best:.4f} at epoch" in output
    assert "the same command goes on" not in output
    assert output.count("On the test part") == 1


def test_a_finished_training_is_not_gone_on_with(tmp_path: Path) -> None:
    for _ in range(2):
        run(tmp_path, "epochs=1")
    assert sorted(p.name for p in (tmp_path / "train").iterdir()) == ["0001", "0002"]
    assert rows(tmp_path)[1]["val_loss"] == rows(tmp_path, "0002")[1]["val_loss"]


def test_an_interrupted_one_is_resumed_by_the_same_command_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Interrupted, "after", 2)
    monkeypatch.setattr(Interrupted, "reported", reported := list[int]())
    with pytest.raises(SystemExit) as end:
        run(tmp_path, "epochs=3", INTERRUPTED)
    assert end.value.code == 130
    output = capsys.readouterr().out
    assert "the same command goes on from the last epoch" in output
    assert "On the test part" not in output, "before its end the test part is not looked at"
    assert [*rows(tmp_path)] == [1, 2]
    monkeypatch.setattr(Interrupted, "after", 0)
    run(tmp_path, "epochs=3", INTERRUPTED)
    assert "going on after epoch 2" in capsys.readouterr().out
    assert [*rows(tmp_path)] == [1, 2, 3]
    assert reported == [1, 2, 3], "each epoch is tracked once"
    run(tmp_path, "epochs=3", "seed=1")
    assert [*rows(tmp_path, "0002")] == [1, 2, 3]


def test_a_loss_that_is_not_finite_ends_it_with_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fault = ("model._target_=tests.faulty.Faulty", "+model.fault=diverge")
    with pytest.raises(SystemExit) as end:
        run(tmp_path, "epochs=2", *fault)
    assert end.value.code == 1
    output = capsys.readouterr().out
    assert "0 epochs in" in output
    assert "(diverged in epoch 1: training loss is nan)" in output
    assert "the same command" not in output


def test_a_finished_one_goes_on_for_more_epochs_at_the_rates_of_one_planned_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("schedule=cosine", "optimizer.lr=0.01")
    run(tmp_path / "whole", "epochs=4", *words)
    run(tmp_path, "epochs=2", *words)
    before = rows(tmp_path)
    run(tmp_path, "epochs=2", "optimizer.lr=0.02")  # another one in between
    capsys.readouterr()
    more(tmp_path, 2, *words)
    assert "going on after epoch 2" in capsys.readouterr().out
    after, whole = rows(tmp_path), rows(tmp_path / "whole")
    assert [*after] == [1, 2, 3, 4]
    assert {n: after[n] for n in before} == before
    assert [after[n]["lr"] for n in (3, 4)] == [whole[n]["lr"] for n in (3, 4)]
    more(tmp_path, 1, *words)
    assert [*rows(tmp_path)] == [1, 2, 3, 4, 5]
    assert sorted(p.name for p in (tmp_path / "train").iterdir()) == ["0001", "0002"]


@pytest.mark.parametrize("word", ["epochs=+0", "epochs=+x", "epochs=+1.5"])
def test_no_number_of_further_epochs(word: str) -> None:
    with pytest.raises(ConfigError, match="give a number of further epochs"):
        _more(["train", word])


def test_further_epochs_are_taken_off_the_command_line() -> None:
    words = ["train", "model=cnn", "epochs=+4"]
    assert (_more(words), words) == (4, ["train", "model=cnn"])
    assert (_more(words), words) == (0, ["train", "model=cnn"])


@pytest.mark.parametrize("word", ["+mixup=0.4", "+label_smooting=0.3", "model.dropout=1.5"])
def test_what_cannot_be_trained_is_refused_and_leaves_no_folder(tmp_path: Path, word: str) -> None:
    with pytest.raises(ConfigError):
        run(tmp_path / "r", word)
    assert list(tmp_path.iterdir()) == []


def test_its_run_has_an_id_of_its_own_and_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(where: Path, *words: str) -> str:
        monkeypatch.setattr(Interrupted, "after", 1)
        with pytest.raises(SystemExit):
            run(where, "epochs=3", INTERRUPTED, *words)
        return (where / "train" / "0001" / "id").read_text()

    first = started(tmp_path / "a")
    assert re.fullmatch(r"[0-9a-f]{8}\n", first)
    assert started(tmp_path / "b") != first, "another's training, which is number 1 as well"
    monkeypatch.setattr(Interrupted, "after", 0)
    run(tmp_path / "a", "epochs=3", INTERRUPTED)
    assert (tmp_path / "a" / "train" / "0001" / "id").read_text() == first
