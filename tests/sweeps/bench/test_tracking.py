"""A slot's time without training is found in the files of a sweep."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sweeps.bench.tracking import DEFAULTS, MeasuredSweep, _figures, _options, main, measured
from tests.sweeps.bench.refused import refusal
from trainers.files.tables import write_table


@pytest.mark.parametrize("word", ["seeds=3", "runs=0", "epochs=1", "data.root="])
def test_refuses_a_bad_option(
    word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    message = f"{word}: this benchmark takes runs=3, epochs=20 and data.root=…"
    assert refusal(main, monkeypatch, capsys, word) == message


def test_takes_its_options_and_else_the_defaults() -> None:
    assert _options([]) == (DEFAULTS, [])
    given = ["runs=1", "data.root=/a=b", "epochs=2"]
    assert _options(given) == ({"runs": 1, "epochs": 2}, ["data.root=/a=b"])


def test_a_slot_waits_between_epochs_and_between_trials(tmp_path: Path) -> None:
    """The trial with the lower number need not have come first."""
    kept = {"0001": (10.0, 13.0, 16.5), "0000": (20.0, 23.0, 26.0)}
    for trial, moments in kept.items():
        for epoch, at in enumerate(moments, 1):
            state = tmp_path / trial / f"epoch_{epoch:03d}" / "state.pt"
            state.parent.mkdir(parents=True)
            state.touch()
            os.utime(state, (at, at))
        rows = [(epoch, 2.5) for epoch in range(1, len(moments) + 1)]
        write_table(tmp_path / trial / "metrics.csv", ("epoch", "epoch_s"), rows)
    ran = measured(sorted(tmp_path.iterdir()), {"driver": 2.0}, 30.0)
    assert ran == MeasuredSweep(2.5, 0.5, 1.0, {"driver": 2.0}, 30.0)


def test_each_side_is_compared_with_the_sweep_of_the_same_turn() -> None:
    def ran(epoch_s: float) -> MeasuredSweep:
        return MeasuredSweep(epoch_s, 0.0, 0.0, {"driver": 1.0, "wandb-core": 0.0}, 1.0)

    figures = _figures({"none": [ran(1.0), ran(2.0)], "offline": [ran(1.5), ran(2.0)]})
    ratio = figures["  offline, epoch / none"]
    assert (ratio.value, ratio.low, ratio.high) == (1.25, 1.0, 1.5)
    assert "  none, epoch / none" not in figures
