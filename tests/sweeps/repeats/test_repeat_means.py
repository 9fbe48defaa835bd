"""One configuration, several seeds."""

from __future__ import annotations

import math

import pytest

from sweeps.repeats.repeat_means import repeated
from sweeps.trials import Objective, State, TrialRecord

HIGH = Objective("acc", maximize=True)


def trial(
    number: int, params: dict[str, object], *curve: float, state: str = "complete"
) -> TrialRecord:
    epochs = {epoch: {"acc": value} for epoch, value in enumerate(curve, 1)}
    return TrialRecord(f"{number:04d}", number, State(state), params=params, epochs=epochs)


def test_configurations_are_told_by_mean_and_spread() -> None:
    rows = repeated(
        [
            trial(0, {"norm": "none", "seed": 1}, 0.1, 0.2, 0.3, 0.4),
            trial(1, {"norm": "none", "seed": 2}, 0.1, 0.2, 0.3, 0.2),
            trial(2, {"norm": "batch", "seed": 1}, 0.5, 0.9, 0.8, 0.7),
            trial(3, {"norm": "batch", "seed": 2}, 0.7, 0.7, 0.7, 0.7),
            trial(4, {"norm": "layer", "seed": 1}, 0.3, 0.3),
            trial(5, {"norm": "layer", "seed": 2}, 0.9, state="failed"),
        ],
        HIGH,
    )
    assert [row.params for row in rows] == [{"norm": n} for n in ("batch", "none", "layer")]
    assert [row.trials for row in rows] == [2, 2, 1]
    assert [row.mean for row in rows] == pytest.approx([0.8, 0.35, 0.3])
    assert rows[0].sd == pytest.approx(math.sqrt(0.02))
    assert math.isnan(rows[2].sd)
    assert rows[0].curve == pytest.approx({1: 0.6, 2: 0.8, 4: 0.7})
    assert rows[2].curve[2] == pytest.approx(0.3)
    assert math.isnan(rows[2].curve[4])  # it was stopped before


def test_lowest_first_where_less_is_better() -> None:
    trials = [trial(n, {"w": n, "seed": 0}, 0.1 * n + 0.1) for n in range(3)]
    told = repeated(trials, Objective("acc", maximize=False))
    assert [row.params["w"] for row in told] == [0, 1, 2]
    assert [row.params["w"] for row in repeated(trials, HIGH)] == [2, 1, 0]


def test_a_single_score_comes_last_however_good() -> None:
    scores = {("a", 1): 0.5, ("b", 1): 0.9, ("a", 2): 0.6}
    trials = [
        trial(n, {"w": w, "seed": seed}, value)
        for n, ((w, seed), value) in enumerate(scores.items())
    ]
    rows = repeated(trials, HIGH)
    assert [(row.params["w"], row.trials) for row in rows] == [("a", 2), ("b", 1)]
    assert rows[0].by_seed == {1: 0.5, 2: 0.6}
    assert [run.trial.id for run in rows[0].runs] == ["0000", "0002"]


def test_nothing_without_swept_seeds() -> None:
    assert repeated([trial(0, {"norm": "none"}, 0.5)], HIGH) == []
    assert repeated([], HIGH) == []


def test_lists_are_values_too() -> None:
    trials = [trial(n, {"widths": [4, 2], "seed": n}, 0.5) for n in range(2)]
    assert [row.trials for row in repeated(trials, HIGH)] == [2]
