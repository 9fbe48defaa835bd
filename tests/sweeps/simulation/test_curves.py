"""What every source of curves answers, and what a simulation takes from one of a few lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from sweeps.checked.sweep import Sweep
from sweeps.simulation import Curve, CurveSource, Generated, Recorded, simulate
from sweeps.trials import State, TrialRecord

Checked = Callable[..., Sweep]


@dataclass(frozen=True)
class Rising:
    """A source of one curve, and no more than the protocol asks for."""

    epochs: int = 9

    def curve(self, params: Mapping[str, Any]) -> Curve:
        diverges = "a loss of nan" if params["model.depth"] == 3 else ""
        length = 2 if diverges else self.epochs
        values = tuple(epoch / 10 for epoch in range(1, length + 1))
        return Curve(values, (1.0,) * (length + bool(diverges)), diverges)

    def describe(self) -> list[str]:
        return ["one curve for all"]


def recorded(sweep: Sweep) -> Recorded:
    epochs = {e: {sweep.objective.metric: e / 10, "epoch_s": 2.0} for e in range(1, 10)}
    trials = [
        TrialRecord(
            f"{number:04}",
            number,
            State.DIVERGED if depth == 3 else State.COMPLETE,
            "a loss of nan" if depth == 3 else "",
            {"optimizer": "sgd", "optimizer.lr": 1e-3, "model.depth": depth},
            {e: epochs[e] for e in range(1, 3)} if depth == 3 else epochs,
        )
        for number, depth in enumerate((1, 2, 3))
    ]
    return Recorded(trials, sweep.space, sweep.objective, "by hand")


@pytest.mark.parametrize(
    "source_of",
    [lambda one: Generated(one.space, 9), recorded, lambda one: Rising()],
    ids=["generated", "recorded", "by hand"],
)
def test_a_curve_has_seconds_for_every_epoch_that_runs(
    sweep: Checked, source_of: Callable[[Sweep], CurveSource]
) -> None:
    one = sweep()
    source = source_of(one)
    assert source.epochs == 9
    assert all(source.describe())
    for depth in (1, 2, 3):
        params = {"optimizer": "sgd", "optimizer.lr": 1e-3, "model.depth": depth}
        curve = source.curve(params)
        assert curve == source.curve(dict(params))
        assert len(curve.seconds) == len(curve.values) + bool(curve.diverges)
        assert len(curve.values) == 9 or curve.diverges


def test_a_source_needs_no_more_than_the_protocol(sweep: Checked) -> None:
    ran = simulate(sweep("budget.trials=12"), Rising(), workers=2, seed=0)
    for trial in ran.trials:
        diverged = trial.params["model.depth"] == 3
        assert trial.state is (State.DIVERGED if diverged else State.COMPLETE)
        assert trial.reason == ("a loss of nan" if diverged else "")
        assert trial.last_epoch == (2 if diverged else 9)
    assert {trial.state for trial in ran.trials} == {State.COMPLETE, State.DIVERGED}
