"""`make diagnose`, as a person gives it."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from sweeps import results_folder
from sweeps.commands.diagnose import best_of, check, main
from sweeps.config.composition import compose
from sweeps.config.keys import plain
from sweeps.report import summary_json
from sweeps.trials import Objective, State, TrialRecord, ranking
from tests.sweeps.processes import finish, start
from trainers.config import typed
from trainers.errors import ConfigError
from trainers.run import run

SMALL = ("data.fraction=0.25", "model.width=16", "batch_size=32")


@pytest.mark.machines
def test_checks_before_a_training(tmp_path: Path) -> None:
    code, output = finish(start("sweeps.commands.diagnose", *SMALL, f"results={tmp_path}"))
    assert code == 0, output
    lines = output.splitlines()
    assert lines[0].startswith("ok  first loss as it should be")
    assert lines[1].startswith("ok  learns one batch of 32 by heart")
    assert "the loss falls fastest at" in output
    folder = tmp_path / "diagnose" / "0001"
    assert str(folder) in lines[-1]
    assert {path.name for path in folder.iterdir()} == {
        "config.yaml", "lr_range.csv", "lr_range.png", "overfit.csv", "overfit.png", "summary.json"
    }  # fmt: skip
    summary = json.loads((folder / "summary.json").read_text())
    with (folder / "overfit.csv").open() as file:
        steps = list(csv.DictReader(file))
    assert len(steps) == summary["overfit"]["steps"]
    assert float(steps[-1]["loss"]) == summary["overfit"]["loss"] < 0.1
    with (folder / "lr_range.csv").open() as file:
        rates = [float(row["lr"]) for row in csv.DictReader(file)]
    assert rates[0] < summary["lr_range"]["steepest"] < rates[-1]


def test_a_model_that_cannot_learn_is_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "diagnose" / "0009").mkdir(parents=True)
    check([*SMALL, "optimizer.lr=1e-9", f"results={tmp_path}"])
    told = " ".join(capsys.readouterr().out.split())
    assert "! does not learn one batch of 32 by heart" in told
    assert "optimizer.lr=1e-09 is too low" in told
    assert "try optimizer.lr=0.0" in told
    assert (tmp_path / "diagnose" / "0010" / "summary.json").is_file()


@pytest.fixture
def swept(tmp_path: Path) -> Path:
    """The folder of a sweep of one trial, as far as a diagnosis reads it."""
    folder = results_folder.create(tmp_path, "s")
    with compose([*SMALL, "epochs=2", "histograms=true"]) as composition:
        results_folder.write_sweep(folder, plain(composition.base), composition.overrides, "")
        epochs = {s.number: s.metrics for s in run(typed(composition.base), folder.trials / "0000")}
        OmegaConf.save(composition.base, folder.trials / "0000" / "config.yaml")
    trial = TrialRecord("0000", 0, State.COMPLETE, epochs=epochs)
    best = ranking([trial], Objective("val_accuracy", True))[0]
    path = summary_json.write_best(folder, best)
    summary_json.write_summary(
        folder, summary_json.summary("s", [trial], best, str(path), {}, 1.0, None)
    )
    return folder.path


@pytest.mark.machines
def test_a_look_at_the_best_of_a_sweep(swept: Path, tmp_path: Path) -> None:
    where = f"results={tmp_path}"
    code, output = finish(start("sweeps.commands.diagnose", "s", where))
    assert code == 0, output
    folder = swept / "diagnosis"
    seen = json.loads((folder / "summary.json").read_text())
    best = json.loads((swept / "summary.json").read_text())["best"]
    assert seen["accuracy"] == best["value"]
    assert f"macro F1 {seen['macro_f1']:.4f}" in output
    assert seen["worst"][0]["class"] in output
    first = seen["confusions"][0]
    assert f"{first['true']} taken for {first['predicted']}: {first['count']}" in output
    pictures = {"confusion.png", "classes.png", "hidden.png", "curves.png", "histograms.png"}
    tables = {"confusion.csv", "classes.csv", "hidden.csv", "summary.json"}
    assert {path.name for path in folder.iterdir()} == pictures | tables
    flat = (folder / "hidden.csv").read_bytes()
    best_of("s", {"results": str(tmp_path), "hidden": "tsne"})
    assert (folder / "hidden.csv").read_bytes() != flat


def damage(path: Path) -> None:
    """Another file of the same size: the name may be one of several for the same bytes."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.unlink()
    path.write_bytes(content)


def test_what_is_damaged_is_refused(swept: Path, tmp_path: Path) -> None:
    best = swept / "best"
    kept = tmp_path / "kept"
    shutil.copytree(best, kept)
    given = {"results": str(tmp_path)}

    damage(next(best.glob("epoch_*")) / "state.pt")
    with pytest.raises(ConfigError, match=r"cannot be loaded: .*crc32.*other epochs are in"):
        best_of("s", given)
    shutil.rmtree(next(best.glob("epoch_*")))
    with pytest.raises(ConfigError, match="has no checkpoint"):
        best_of("s", given)
    for torn in ("a: [", "- 1\n", "seed: x\n"):
        (best / "config.yaml").write_text(torn)
        with pytest.raises(ConfigError):
            best_of("s", given)
    shutil.rmtree(best)
    with pytest.raises(ConfigError, match=r"no best model.*make resume SWEEP=s"):
        best_of("s", given)

    shutil.copytree(kept, best)
    (swept / "summary.json").write_text("torn")
    best_of("s", given)
    assert (swept / "diagnosis" / "confusion.png").exists()
    assert not (swept / "diagnosis" / "curves.png").exists(), "of which trial?"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nosuch"], "SWEEP=nosuch: no such sweep"),
        (["a", "b"], "name one sweep"),
        (["s", "hiden=tsne"], "no such option; did you mean hidden?"),
        (["s", "hidden=foo"], "hidden=foo must be pca or tsne"),
        (["hidden=tsne"], "name its sweep"),
        (["compare=seed"], "name its sweep"),
        (["train/0001"], "TRAIN=0001: no such training"),
        (["train/0001", "compare=seed"], "is for the trials of a sweep"),
        (["model.width=1,2"], "takes one value"),
        (["optimizer.lrr=1"], "optimizer.lrr: there is no such key"),
        (["epochs=0"], "epochs must be 1 or more"),
        (["model.width=0"], "model.width must be 1 or more"),
        (["model.max_parameters=5"], "9,226 parameters, over 5 (model.max_parameters)"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line_or_two(
    words: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["diagnose", *words, f"results={tmp_path}"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.startswith("error: ")
    assert error.count("\n") <= 2
    assert not list(tmp_path.iterdir()), "refused before a folder is made"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="cannot be written"):
        check([*SMALL, f"results={tmp_path}/x"])


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(ConfigError, match=r"cannot be written \(.*\): name another folder"):
        check([*SMALL, f"results={tmp_path}/x"])
