"""Sentences claim no more than their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from sweeps.findings.effect_words import effect_findings, importance_findings
from sweeps.findings.effects import effects
from sweeps.findings.finding import Certainty, Effect, Importance
from sweeps.findings.importance import Importances
from sweeps.findings.observations import observe
from sweeps.findings.regression import enough_trials
from sweeps.formatting import Unit
from sweeps.trials import Objective
from tests.sweeps.findings.made_sweeps import METRIC, SPACE, drawn, halved, rule

POINTS = Unit(METRIC, points=True)
SEEN = observe(drawn(24, lambda p: 0.5), Objective(METRIC, True), SPACE, {}, None)
GELU = Effect("activation", "gelu", "relu", 0.004, 0.001, 0.007, 5, 9, ("0001", "0002"), place=1)
WIDER = Effect(
    "model.width", 200, 60, 0.001, -0.002, 0.004, 0, 3, ("0001",), 0.5, 2, (110, 250), (40, 100)
)


def said(*effects: Effect) -> list[tuple[str, Certainty, str]]:
    told = effect_findings(POINTS, SEEN, effects)
    return [(one.id, one.certainty, one.sentence) for one in told]


def test_a_clear_one_has_its_margin_and_its_pairs() -> None:
    assert said(GELU) == [
        (
            "effect-activation-gelu",
            Certainty.CLEAR,
            "activation: gelu instead of relu: +0.40 ± 0.30 points over 5 pairs",
        )
    ]


def test_one_that_many_looks_explain_is_not_claimed() -> None:
    ((_, certainty, text),) = said(Effect(**{**vars(GELU), "chance": 0.2}))
    assert certainty is Certainty.OPEN
    assert "cannot be told from these 24 trials (+0.40 ± 0.30 points, one of several looks)" in text


def test_the_epoch_is_told_only_where_trials_go_on_beyond_it() -> None:
    seen = observe(halved(drawn(24, rule)), Objective(METRIC, True), SPACE, {}, None)
    (told,) = effect_findings(POINTS, seen, [GELU])
    assert told.sentence.endswith("over 5 pairs at epoch 3")


@pytest.mark.parametrize("count", [4, 8, 12])
def test_of_few_trials_it_is_said_how_many_would_tell(count: int) -> None:
    """Four trials of which two collapse: a model fits them nearly perfectly."""

    def collapses(params: Mapping[str, Any]) -> float:
        return 0.1 if params["model.width"] > 64 else 0.9

    trials = drawn(count, collapses, noise=0.001)
    seen = observe(trials, Objective(METRIC, True), SPACE, {}, None)
    compared = effects(seen, None)
    told = list(effect_findings(POINTS, seen, compared))
    shares = Importances((Importance("model.width", {"fanova": 0.8}, 0.31, 1),))
    told += importance_findings(shares, SPACE, compared, seen)
    assert {one.certainty for one in told} == {Certainty.OPEN}
    assert all(one.low is None for one in told)
    enough = enough_trials(seen)
    assert 17 <= enough <= 23
    assert told[0].sentence.endswith(f"cannot be told from {count} trials; from about {enough} on")
    assert told[-1].sentence == (
        f"what mattered cannot be told from {count} trials; from about {enough} on; Optuna's own "
        "plot may differ: its fANOVA knows no log scale"
    )
    assert enough_trials(observe(drawn(24, rule), Objective(METRIC, True), SPACE, {}, None)) <= 24


def test_a_single_comparison_is_no_evidence() -> None:
    single = {**vars(GELU), "low": -math.inf, "high": math.inf, "pairs": 1}
    ((_, certainty, text),) = said(Effect(**single))
    assert certainty is Certainty.OPEN
    assert text.endswith("+0.40 points in a single comparison, which is no evidence")


def test_more_of_what_helped_may_gain_nothing() -> None:
    lower = Effect(
        "model.width", 60, 20, 0.01, 0.005, 0.015, 0, 3, ("0001",), 0.0, 1, (40, 100), (16, 39)
    )
    told = said(lower, WIDER)
    assert told[0][2].startswith("width from 40 to 100 instead of 16 to 39: +1.0 ± 0.50 points")
    assert told[1][2] == "width beyond 100: no measurable gain (+0.10 ± 0.30 points)"
    assert [one[0] for one in told] == ["effect-model-width-part-1", "effect-model-width-part-2"]


def test_of_several_open_ones_a_single_statement() -> None:
    silu = Effect(**{**vars(GELU), "level": "silu", "chance": 0.4})
    told = said(Effect(**{**vars(GELU), "chance": 0.2}), silu)
    assert [(i, c) for i, c, _ in told] == [("effect-activation-others", Certainty.OPEN)]


def test_shares_alone_are_no_evidence() -> None:
    shares = Importances((Importance("model.width", {"fanova": 0.8, "forest": 0.4}, 0.31, 1),))
    (told,) = importance_findings(shares, SPACE, [], SEEN)
    assert told.certainty is Certainty.OPEN
    assert "cannot be told from 24 trials" in told.sentence
    counted = replace(shares, note="only 18 trials have a score", count=18)
    (told,) = importance_findings(counted, SPACE, [], SEEN)
    assert "cannot be told from 18 trials" in told.sentence, "one number, of what was looked at"
    assert "24" not in told.sentence
    sure = Effect(**{**vars(WIDER), "low": 0.0005, "chance": 0.01})
    (told,) = importance_findings(shares, SPACE, [sure], SEEN)
    assert told.sentence.endswith("; Optuna's own plot may differ: its fANOVA knows no log scale")
    assert told.certainty is Certainty.CLEAR
    assert "what mattered: width (40 to 80 %, correlation +0.31)" in told.sentence
    assert list(importance_findings(Importances(()), SPACE, [], SEEN)) == []
