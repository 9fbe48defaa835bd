"""Curves in a CSV file: what is written comes back, and nothing else is taken for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sweeps.bench import efficiency
from sweeps.checked.sweep import Sweep
from sweeps.simulation import Curve
from sweeps.simulation.lookup_table import read, write
from sweeps.trials import Objective, State, TrialRecord
from trainers.errors import ConfigError

ACCURACY = Objective("val_accuracy", maximize=True)
Checked = Callable[..., Sweep]


def trial(number: int, values: list[float], state: State = State.COMPLETE) -> TrialRecord:
    epochs = {e: {"val_accuracy": v, "epoch_s": 0.5} for e, v in enumerate(values, 1)}
    params = {"optimizer": "sgd", "optimizer.lr": 10.0 ** (-1 - number), "model.depth": 1}
    return TrialRecord(f"{number:04d}", number, state, "", params, epochs)


def test_what_is_written_is_read(sweep: Checked, tmp_path: Path) -> None:
    one = sweep()
    trials = [
        trial(0, [0.1, 0.25, 0.3125]),
        trial(1, [0.2, 0.4], State.DIVERGED),
        trial(2, [0.9], State.STOPPED),  # nobody knows how it would have gone on
    ]
    write(tmp_path / "curves.csv", trials, one.space.keys, ACCURACY)
    source = read(tmp_path / "curves.csv", one.space, ACCURACY)
    assert source.epochs == 3
    assert source.configurations == (trials[0].params, trials[1].params)
    assert source.curve(trials[0].params) == Curve((0.1, 0.25, 0.3125), (0.5, 0.5, 0.5))
    diverged = source.curve(trials[1].params)
    assert (diverged.values, diverged.diverges) == ((0.2, 0.4), "diverged")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "they must be the same"),
        ("what,epoch_s,1\n", "they must be the same"),
        ('optimizer,epoch_s,1\n"""sgd""",0.5,0.1\n', "curves over optimizer, and the space is"),
        ("optimizer,1\nsgd,0.1\n", "no table of learning curves"),
        ("optimizer,epoch_s,1\nsgd,0.5,high\n", "no table of learning curves"),
    ],
)
def test_refuses_what_is_none(sweep: Checked, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "curves.csv").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read(tmp_path / "curves.csv", sweep().space, ACCURACY)


def test_refuses_what_is_not_there(sweep: Checked, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no table of learning curves"):
        read(tmp_path / "curves.csv", sweep().space, ACCURACY)


class TestCurvesOfPhonemes:
    """Those that come with the project, of real speech."""

    def test_are_many_and_whole(self) -> None:
        one = efficiency._sweep("random", "none")
        source = read(efficiency.CURVES, one.space, one.objective)
        curves = [source.curve(params) for params in source.configurations]
        assert len(curves) >= 200
        assert source.epochs == 20
        assert sum(len(curve.values) == 20 for curve in curves) >= 200
        assert all(0 < value < 1 for curve in curves for value in curve.values)

    def test_stopping_early_finds_as_good_a_one_for_less(self) -> None:
        shares = [
            efficiency._share("random", "asha", seed, 4, *efficiency._goal(seed, 4))
            for seed in range(3)
        ]
        assert sorted(shares)[1] < 1.0
