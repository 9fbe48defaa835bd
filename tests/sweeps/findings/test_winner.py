"""What won, by how much, and how far luck has helped it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sweeps.findings.finding import Certainty, Finding
from sweeps.findings.seed_noise import SeedNoise
from sweeps.findings.winner import optimism, winner_findings
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.repeats.plan import fresh_seeds
from sweeps.repeats.settings import Repeats
from sweeps.space.dimensions import Choice
from sweeps.trials import Objective, Source, State
from tests.sweeps.findings.made_sweeps import repeat, sweep, trial


def found(made: RecordedSweep, noise: SeedNoise | None = None) -> dict[str, Finding]:
    ranked = [one for one in made.ranked if math.isfinite(one.value)]
    return {one.id: one for one in winner_findings(made, ranked, noise)}


THREE = [trial(i, {"a": i}, [v]) for i, v in enumerate([0.90, 0.95, 0.93])]


def test_it_is_compared_with_the_baseline_and_the_second() -> None:
    told = found(sweep(THREE, {}, baseline=True))["winner"]
    assert told.sentence == (
        "0001 is the best of 3 trials: val_accuracy 95.00 % at epoch 1; +5.0 points against the "
        "baseline 0000; +2.0 points against the second, 0002"
    )
    assert told.trials == ("0001", "0000", "0002")
    assert told.value == 0.95


def test_the_baseline_may_be_the_second_or_the_best() -> None:
    told = found(sweep(THREE[:2], {}, baseline=True))["winner"].sentence
    assert told.endswith("+5.0 points against the baseline 0000, which is the second")
    best = [trial(0, {}, [0.99]), *THREE[1:]]
    assert "it is the baseline itself" in found(sweep(best, {}, baseline=True))["winner"].sentence


@pytest.mark.parametrize(
    ("trials", "told"),
    [
        ([], "no trial has begun yet"),
        ([trial(0, {}, [math.nan])], "none of the 1 trials has a score"),
        (THREE[:1], "0000 is the only trial: val_accuracy 90.00 % at epoch 1"),
    ],
)
def test_of_few_little_is_said(trials: list[object], told: str) -> None:
    made = found(sweep(trials, {}))  # type: ignore[arg-type]
    assert made.keys() == {"winner"}
    assert made["winner"].sentence == told


def test_without_repeats_no_lead_is_called_clear() -> None:
    for noise in (None, SeedNoise(0.001, 50, True), SeedNoise(0.02, 50, False)):
        lead = found(sweep(THREE, {}), noise)["winner-lead"]
        assert lead.certainty is Certainty.OPEN
        assert "repeats.top=3" in lead.sentence
    assert "cannot be told apart" in lead.sentence


def test_repeats_tell_the_winner_with_an_interval() -> None:
    a, b = THREE[1], THREE[2]
    again = [
        repeat(3 + 2 * n + k, one, seed, [value + 0.001 * n + 0.0005 * k * n])
        for n, seed in enumerate(fresh_seeds(Repeats(top=2, race=False), 0))
        for k, (one, value) in enumerate(((a, 0.90), (b, 0.93)))
    ]
    made = sweep([*THREE, *again], {}, repeats={"runs": 1, "top": 2, "seeds": 3, "race": False})
    told = found(made)
    assert told["winner"].trials[0] == "0002"
    again_told = told["winner-repeats"]
    assert again_told.certainty is Certainty.CLEAR
    assert again_told.low is not None
    assert 0 < again_told.low < 0.03
    assert "winner-lead" not in told


def test_the_luck_of_the_best_is_what_it_loses_when_run_again() -> None:
    random = np.random.default_rng(1)
    lost, told = [], []
    for _ in range(200):
        true = random.normal(0, 0.01, 40)
        scores = true + random.normal(0, 0.01, 40)
        best = int(np.argmax(scores))
        lost.append(scores[best] - true[best])
        told.append(optimism(scores.tolist(), 0.01, True))
    assert np.mean(told) == pytest.approx(np.mean(lost), rel=0.15)
    assert optimism([-v for v in scores], 0.01, False) == pytest.approx(told[-1])
    assert optimism([0.5, 0.5], 0.01, True) == 0.0


@pytest.mark.parametrize("content", ["", "[]", '{"best": null}', '{"best": {"trial": "0001"}}'])
def test_a_summary_without_a_test_score_is_passed_over(tmp_path: Path, content: str) -> None:
    (tmp_path / "summary.json").write_text(content)
    assert "winner-test" not in found(sweep(THREE, {}, path=tmp_path))


def test_the_test_score_is_told_once(tmp_path: Path) -> None:
    best = {"trial": "0001", "test_loss": 0.1, "test_accuracy": 0.94}
    (tmp_path / "summary.json").write_text(json.dumps({"best": best}))
    told = found(sweep(THREE, {}, path=tmp_path))["winner-test"]
    assert told.sentence.startswith("on the test part 0001 has test_accuracy 94.00 %")
    (tmp_path / "summary.json").write_text(json.dumps({"best": {**best, "trial": "0002"}}))
    assert "winner-test" not in found(sweep(THREE, {}, path=tmp_path))


def test_scores_of_fewer_epochs_are_no_rivals_that_luck_chose_among() -> None:
    whole = [trial(i, {"a": i}, [0.5, v]) for i, v in enumerate([0.90, 0.94, 0.92])]
    early = [trial(3 + i, {"a": i}, [0.4], State.STOPPED) for i in range(3)]
    told = found(sweep([*whole, *early], {}))["winner-luck"]
    assert told.trials == ("0001", "0002", "0000")
    assert told.value == pytest.approx(0.02)
    assert "winner-luck" not in found(sweep([*whole[:2], *early], {}))


def test_equal_scores_are_no_lead_and_no_luck_of_a_rounding_error() -> None:
    told = found(sweep([trial(i, {"a": i}, [v]) for i, v in enumerate([0.3, 0.1 + 0.2, 0.3])], {}))
    assert told["winner"].sentence.endswith("level with the second, 0000")
    assert told["winner-luck"].value == 0.0
    assert "the best 3 of 3 trials have the same score, 30.00 %" in told["winner-luck"].sentence
    lead = found(
        sweep([trial(i, {"a": i}, [v]) for i, v in enumerate([0.9, 0.9, 0.1])], {}),
        SeedNoise(0.1, 50, True),
    )["winner-lead"]
    assert "cannot be told apart: they score the same, and seeds alone" in lead.sentence


def test_a_model_that_explains_nothing_does_not_tell_the_noise() -> None:
    """What it leaves over may be more than the scores differ by."""
    told = found(sweep(THREE, {}), SeedNoise(0.169, 5, False))
    assert "is open: repeats.top=3 would tell" in told["winner-lead"].sentence
    assert told["winner-luck"].value == pytest.approx(0.95 - 2.78 / 3)


def test_of_a_population_what_was_taken_over_is_no_rival() -> None:
    first = trial(0, {"a": 0}, [0.6, 0.9, 0.8])
    others = [trial(1, {"a": 1}, [0.5, 0.7, 0.75]), trial(2, {"a": 2}, [0.2], State.STOPPED)]
    child = trial(3, {"a": 3}, [0.6, 0.9, 0.7], source=Source("0000", epoch=2))
    told = found(sweep([first, *others, child], {}))
    assert told["winner"].sentence == (
        "0000 is the best of 3 trials: val_accuracy 90.00 % at epoch 2; "
        "+15.0 points against the second, 0001"
    )
    assert told["winner-lead"].trials == ("0000", "0001")
    better = trial(4, {"a": 4}, [0.6, 0.9, 0.95], source=Source("0000", epoch=2))
    whole = [replace(one, state=State.COMPLETE) for one in (first, *others, child, better)]
    luck = found(sweep(whole, {}))["winner-luck"].sentence
    assert luck.startswith("the best of 4 scores (a copy that goes on has its own) is optimistic")
    assert "make replay" in told["winner-lead"].sentence
    assert "repeats.top" not in told["winner-lead"].sentence


def test_where_the_seed_is_swept_the_best_cannot_be_repeated() -> None:
    made = sweep(THREE, {"seed": Choice((1, 2, 3))})
    assert "more seeds would tell" in found(made)["winner-lead"].sentence


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        (
            [1, 3, 2],
            "0001 is the best by val_accuracy alone; no trial beats these 3 in "
            "val_accuracy and size together: 0001, 0002, 0000",
        ),
        ([3, 1, 2], "0001 beats or equals every other trial in val_accuracy and size"),
        (
            [math.nan] * 3,
            "0001 is the best by val_accuracy alone; no trial has a number for each "
            "of val_accuracy and size",
        ),
    ],
)
def test_of_several_objectives_the_front_is_told(sizes: list[float], told: str) -> None:
    trials = [
        replace(one, epochs={1: {**one.epochs[1], "size": size}})
        for one, size in zip(THREE, sizes, strict=True)
    ]
    made = replace(sweep(trials, {}), objectives=(*sweep([]).objectives, Objective("size", False)))
    assert found(made)["winner-front"].sentence == told
