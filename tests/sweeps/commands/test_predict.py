"""The submission of a sweep: its best model's, or its best few's, word on the test part."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from sweeps.commands import predict
from sweeps.commands.predict import best
from sweeps.results_folder import Folder
from tests.sweeps.conftest import Ran
from tests.trainers.data.phonemes.on_disk import write_hw1p2
from trainers.data.phonemes.hw1p2 import PHONEMES
from trainers.errors import ConfigError
from trainers.files.checkpoints import load
from trainers.fit import fit
from trainers.predict import mean, predictions


@pytest.fixture(scope="module")
def swept(
    tmp_path_factory: pytest.TempPathFactory, sweep_anywhere_without_ray: Callable[..., Ran]
) -> Folder:
    """Two trials on phoneme data whose test part has no labels."""
    root = write_hw1p2(tmp_path_factory.mktemp("phonemes") / "data")
    words = ("data=hw1p2", f"data.root={root}", "data.fraction=1", "task=phonemes", "search=grid")
    ran = sweep_anywhere_without_ray(
        tmp_path_factory.mktemp("results"), *words, "data.context=1,2", "stop=none", "epochs=2"
    )
    assert ran.code == 0
    summary = json.loads((ran.folder.path / "summary.json").read_text())
    assert "test_accuracy" not in summary["best"]  # there is nothing to measure by
    return ran.folder


def given(folder: Folder, **options: str) -> dict[str, str]:
    return {"results": str(folder.path.parent), **options}


def rows(folder: Folder) -> list[list[str]]:
    with (folder.path / "submission.csv").open(newline="") as file:
        return list(csv.reader(file))


def test_the_best_model_names_each_frame(swept: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    predict.predict(swept.path.name, given(swept))
    head, *found = rows(swept)
    assert head == ["id", "label"]
    assert [row[0] for row in found] == [str(n) for n in range(len(found))]
    (voter,) = best(swept, 1)
    scores = predictions(voter.config, load(voter.checkpoint), lambda d: d.test)
    assert [row[1] for row in found] == [PHONEMES[i] for i in scores.argmax(1).tolist()]
    assert len(found) == len(scores) > 100
    told = capsys.readouterr().out
    summary = json.loads((swept.path / "summary.json").read_text())
    assert f"{summary['best']['value']:.4f}" in told


def test_the_best_few_vote(swept: Folder) -> None:
    predict.predict(swept.path.name, given(swept, top="2", labels="index", header="Id,Class"))
    head, *found = rows(swept)
    assert head == ["Id", "Class"]
    together = mean(
        predictions(v.config, load(v.checkpoint), lambda d: d.test) for v in best(swept, 2)
    )
    assert [int(row[1]) for row in found] == together.argmax(1).tolist()
    assert torch.allclose(together.sum(1), torch.ones(len(together)), atol=1e-5)


def test_the_best_come_first(swept: Folder) -> None:
    first, second = best(swept, 2)
    assert first.value >= second.value
    assert {first.trial, second.trial} == {"0000", "0001"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"top": "0"}, "top=0 must be a whole number"),
        ({"top": "many"}, "top=many must be a whole number"),
        ({"top": "3"}, "has 2 trials with a score"),
        ({"labels": "words"}, "labels=words must be name or index"),
        ({"header": "id"}, "header=id must name 2 columns"),
    ],
)
def test_refuses(options: dict[str, str], told: str, swept: Folder) -> None:
    with pytest.raises(ConfigError, match=told):
        predict.predict(swept.path.name, given(swept, **options))


def test_refuses_a_sweep_that_is_not_there(swept: Folder) -> None:
    with pytest.raises(ConfigError, match="SWEEP=other: no such sweep"):
        predict.predict("other", given(swept))


def test_a_trial_resumed_from_its_first_epoch_is_the_same_to_the_bit(swept: Folder) -> None:
    (voter,) = best(swept, 1)
    first = load(swept.checkpoint(voter.trial, 1))
    (second,) = fit(voter.config, first)
    recorded = load(swept.checkpoint(voter.trial, 2))["model"]
    resumed = second.state()["model"]
    assert all(torch.equal(recorded[key], resumed[key]) for key in recorded)


def test_a_training_is_of_one_model(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"top=3: train/0001 is one training, of one model"):
        predict.predict("train/0001", {"results": str(tmp_path), "top": "3"})


def test_a_norm_by_the_batch_alone_is_diagnosed_predicted_and_measured(
    tmp_path: Path, sweep_anywhere_without_ray: Callable[..., Ran]
) -> None:
    """Its parts of 101 examples leave one over."""
    words = ("data=circles", "data.samples=101", "data.fraction=1", "norm.running=true,false")
    more = ("norm.momentum=0.1", "search=grid", "budget.trials=null", "epochs=1", "batch_size=32")
    ran = sweep_anywhere_without_ray(tmp_path, *words, *more)
    assert ran.code == 0
    assert {voter.config.norm["running"] for voter in best(ran.folder, 2)} == {True, False}
    predict.predict("s", {"results": str(tmp_path), "top": "2"})
    assert len(rows(ran.folder)) == 102
    assert (ran.folder.path / "diagnosis" / "hidden.png").is_file()
