"""Curves of a record: what is kept, what is left out, and how a short one goes on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from optuna.samplers import RandomSampler

from sweeps.checked.sweep import Sweep
from sweeps.results_folder import Folder
from sweeps.search.samplers import Sampled
from sweeps.search.search import Setting
from sweeps.simulation import Curve, Recorded, read, simulate
from sweeps.simulation.recorded import continued
from sweeps.study.open import open_study
from sweeps.trials import Objective, State, TrialRecord
from trainers.errors import ConfigError

ACCURACY = Objective("val_accuracy", maximize=True)
Checked = Callable[..., Sweep]


def trial(number: int, values: list[float], state: State = State.COMPLETE) -> TrialRecord:
    epochs: Mapping[int, Mapping[str, float]] = {
        e: {"val_accuracy": v, "epoch_s": 1.0 + number} for e, v in enumerate(values, 1)
    }
    params = {"optimizer": "sgd", "optimizer.lr": 10.0 ** (-1 - number), "model.depth": 1}
    return TrialRecord(f"{number:04d}", number, state, "why", params, epochs)


def recorded(sweep: Sweep, *trials: TrialRecord) -> Recorded:
    return Recorded(trials, sweep.space, ACCURACY, "s")


def test_a_trial_has_its_own_curve(sweep: Checked) -> None:
    trials = [trial(0, [0.1, 0.2, 0.3]), trial(1, [0.2, 0.4, 0.5])]
    source = recorded(sweep(), *trials)
    assert source.epochs == 3
    assert source.curve(trials[1].params) == Curve((0.2, 0.4, 0.5), (2.0, 2.0, 2.0))
    near = {**trials[0].params, "optimizer.lr": 0.08}
    assert source.curve(near).values == (0.1, 0.2, 0.3)
    assert source.describe() == [
        "curves: 2 trials of s, up to 3 epochs; a proposal gets that of the nearest"
    ]


def test_tells_what_was_made_of_the_others(sweep: Checked) -> None:
    source = recorded(
        sweep(),
        trial(0, [0.1, 0.2, 0.3]),
        trial(1, [0.4], State.STOPPED),
        trial(2, [0.9], State.FAILED),
        trial(3, [], State.INFEASIBLE),
        trial(4, [], State.RUNNING),
    )
    assert (source.continued, source.left_out) == (1, 3)
    told = source.describe()
    assert told[1].startswith("1 of them ended earlier and are continued")
    assert told[2] == "3 that failed, never trained or are not of the space are left out"


@pytest.mark.parametrize("epochs", [0, 2])
def test_what_diverged_diverges(sweep: Checked, epochs: int) -> None:
    lost = trial(1, [0.1] * epochs, State.DIVERGED)
    curve = recorded(sweep(), trial(0, [0.1, 0.2, 0.3]), lost).curve(lost.params)
    assert len(curve.values) == epochs
    assert len(curve.seconds) == epochs + 1
    assert curve.diverges == "why"


def test_without_an_epoch_there_is_nothing_to_replay(sweep: Checked) -> None:
    with pytest.raises(ConfigError, match="none of the 1 trials of s has an epoch on record"):
        recorded(sweep(), trial(0, [], State.RUNNING))


class TestContinued:
    WHOLE = (
        Curve((0.1, 0.2, 0.3, 0.4), (1.0,) * 4),
        Curve((0.5, 0.6, 0.7, 0.9), (1.0,) * 4),
    )

    def test_goes_on_as_the_most_similar_did_from_where_it_ended(self) -> None:
        curve = continued(Curve((0.45, 0.5), (3.0, 5.0)), self.WHOLE, ACCURACY)
        assert curve.values == pytest.approx((0.45, 0.5, 0.6, 0.8))
        assert curve.seconds == (3.0, 5.0, 4.0, 4.0)

    def test_promises_nothing_better_than_was_seen(self) -> None:
        curve = continued(Curve((0.5, 0.85), (1.0, 1.0)), self.WHOLE, ACCURACY)
        assert curve.values == pytest.approx((0.5, 0.85, 0.9, 0.9))
        error = Objective("val_loss", maximize=False)
        falling = Curve((0.9, 0.5, 0.2), (1.0,) * 3)
        assert continued(Curve((0.4,), (1.0,)), [falling], error).values == (0.4, 0.2, 0.2)

    def test_stands_what_is_no_number(self) -> None:
        broken = Curve((math.nan,) * 4, (1.0,) * 4)
        curve = continued(Curve((0.5, 0.5), (1.0, 1.0)), [broken, *self.WHOLE], ACCURACY)
        assert curve.values == pytest.approx((0.5, 0.5, 0.6, 0.8))


def write(folder: Path, sweep: Sweep, lengths: list[int]) -> list[dict[str, Any]]:
    """A study on disk, as a sweep leaves it; returns the parameters of its trials."""
    study = open_study(folder / "study.log", sweep.objective, sweep.space, "s", create=True)
    for number, length in enumerate(lengths):
        record = study.propose(sweep.search)
        for epoch in range(1, length + 1):
            metrics = {"val_accuracy": number / 10 + epoch / 100, "epoch_s": 2.0}
            study.report(record.id, epoch, metrics, "me", "atlas")
        study.end(record.id, State.COMPLETE if length == 9 else State.STOPPED, "")
    params = [dict(record.params) for record in study.trials]
    study.close()
    return params


class TestRead:
    def test_a_recorded_sweep_is_replayed(self, sweep: Checked, tmp_path: Path) -> None:
        """The record's own configurations, in its order, and no stopping: the same again."""
        one = sweep("budget.trials=4")
        params = write(tmp_path, one, [9, 9, 9, 9])
        before = (tmp_path / "study.log").read_bytes()
        source = read(Folder(tmp_path), one.space, one.objective)
        again = replace(one, search=Sampled(RandomSampler, Setting(one.space, 0, params)))
        ran = simulate(again, source, 1, seed=7)
        assert [dict(t.params) for t in ran.trials] == params
        assert [t.epochs[9]["val_accuracy"] for t in ran.trials] == [
            number / 10 + 0.09 for number in range(4)
        ]
        assert ran.seconds == 4 * 9 * 2.0
        assert (tmp_path / "study.log").read_bytes() == before

    def test_lets_go_of_the_study(self, sweep: Checked, tmp_path: Path) -> None:
        one = sweep("budget.trials=4")
        write(tmp_path, one, [9, 3])
        for _ in range(2):
            assert read(Folder(tmp_path), one.space, one.objective).continued == 1

    def test_refuses_a_folder_without_a_study(self, sweep: Checked, tmp_path: Path) -> None:
        one = sweep()
        with pytest.raises(ConfigError, match="there are no curves to replay"):
            read(Folder(tmp_path), one.space, one.objective)
