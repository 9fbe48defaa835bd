"""A preview shows what a sweep would run, and leaves nothing behind."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sweeps.commands import sweep


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")  # so that it is as it was afterwards
    return tmp_path


def test_a_preview_of_what_can_be_is_no_error(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["preview=true", "space=null", "optimizer.lr=interval(0.1,0.2)", "search=random"]
    words += ["budget.hours=2", "budget.target=0.9", "budget.stalled=5"]
    words += ["study=postgresql://g:hush@nowhere/db"]
    monkeypatch.setattr(sys, "argv", ["sweeps", *words])
    sweep.main()
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "optimizer.lr" in captured.out
    assert "in postgresql://g@nowhere/db" in captured.out
    assert "at most 2 hours; until val_accuracy is 0.9; until 5 in a row are no better" in " ".join(
        captured.out.split()
    )
    assert list(here.iterdir()) == []


def test_a_preview_counts_with_the_longest_of_swept_epochs(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["preview=true", "space=null", "epochs=50,100", "search=grid"]
    monkeypatch.setattr(sys, "argv", ["sweeps", *words])
    sweep.main()
    assert "up to 100 epochs each" in " ".join(capsys.readouterr().out.split())


def test_a_combination_that_cannot_be_trained_is_no_reason_to_refuse_a_preview(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sweep runs: that trial fails alone, with its reason."""
    words = ["preview=true", "space=null", "norm.running=true,false", "norm.momentum=0.1,0.2"]
    monkeypatch.setattr(sys, "argv", ["sweeps", *words, "search=grid"])
    sweep.main()
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "up to about" in captured.out


def test_a_preview_shows_conditions_and_requirements(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["preview=true", "space=null", "model.depth=1,2", "model.width=8,16", "search=grid"]
    when = "+when={model.width: 'model.depth > 1'}"
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "argv", ["sweeps", *words, when, "require=['parameters <= 20_000']"])
    sweep.main()
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["model.width", "8,", "16", "model.depth", ">", "1"] in lines
    assert ["a", "trial", "must", "meet", "parameters", "<=", "20_000"] in lines
    assert ["configurations", "3"] in lines


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "1 CPU, one GPU if the cluster has any"),
        (["resources.gpu=0.5"], "1 CPU, 0.5 GPU"),
        (["resources.gpu=0"], "1 CPU runs on"),
        (["resources.gpu=auto"], "1 CPU, and one GPU on machines that have any; those without"),
        (
            ["resources.gpu=auto", "resources.gpu_memory_gb=4"],
            "1 CPU, and 4 GB of a GPU on machines that have any",
        ),
    ],
)
def test_a_preview_says_what_a_trial_takes(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    told: str,
) -> None:
    words = ["preview=true", "experiment=mnist", "data=digits", "resources.cpu=1", *words]
    monkeypatch.setattr(sys, "argv", ["sweeps", *words])
    sweep.main()
    assert f"a trial takes {told}" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("words", [[], ["experiment=hw1p2_plan"]])
def test_what_would_be_refused_without_its_data_is_shown_and_then_refused(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
) -> None:
    monkeypatch.setattr(
        sys, "argv", ["sweeps", "preview=true", "experiment=hw1p2", "data.root=none", *words]
    )
    with pytest.raises(SystemExit) as end:
        sweep.main()
    assert end.value.code == 2
    captured = capsys.readouterr()
    assert "not known without the data" in " ".join(captured.out.split())
    assert "none has no folder train-clean-*: set data.root=" in " ".join(captured.err.split())
    assert captured.err.count("error:") == 1
