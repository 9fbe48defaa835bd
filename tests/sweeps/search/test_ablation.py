"""The ablation search and its sheet."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from scipy.stats import ttest_ind

from sweeps.checked.check import check
from sweeps.checked.sweep import Sweep
from sweeps.config.composition import compose
from sweeps.search.ablation import Ablation, Change
from sweeps.trials import Objective, State, TrialRecord
from trainers.errors import ConfigError

ACCURACY = Objective("val_accuracy", maximize=True)


def swept(*overrides: str) -> Sweep:
    with compose(
        ["space=null", "search=ablation", "budget.trials=null", *overrides]
    ) as composition:
        return check(composition)


def ablation(*overrides: str) -> Ablation:
    search = swept(*overrides).search
    assert isinstance(search, Ablation)
    return search


def listed(search: Ablation) -> list[dict[str, Any]]:
    return [dict(search.point(number) or {}) for number in range(search.limit())]


def test_the_baseline_then_each_change_alone() -> None:
    search = ablation("model.width=64,128", "activation=relu,gelu,tanh")
    base = {"activation": "relu", "model.width": 64}
    assert listed(search) == [
        base,
        base | {"activation": "gelu"},
        base | {"activation": "tanh"},
        base | {"model.width": 128},
    ]
    assert search.point(4) is None


def test_the_baseline_need_not_be_listed() -> None:
    search = ablation("model.width=128,256", "activation=choice(gelu)")
    assert listed(search)[0] == {"activation": "relu", "model.width": 64}
    assert search.limit() == 4


def test_values_may_be_lists() -> None:
    search = ablation("optimizer.betas=[0.9,0.99],[0.8,0.99]", "search.pairs=true")
    rows = listed(search)
    assert [row["optimizer.betas"] for row in rows] == [[0.9, 0.999], [0.9, 0.99], [0.8, 0.99]]
    trials = [
        TrialRecord(f"{n:04d}", n, State.COMPLETE, params=row, epochs={1: {"val_accuracy": n / 4}})
        for n, row in enumerate(rows)
    ]
    sheet = search.sheet(trials, ACCURACY)
    assert [row.difference for row in sheet] == [0.0, 0.5, 0.25]


def test_each_two_changes_on_request() -> None:
    search = ablation("model.width=128,256", "activation=choice(gelu)", "search.pairs=true")
    base = {"activation": "relu", "model.width": 64}
    assert listed(search)[4:] == [
        base | {"activation": "gelu", "model.width": 128},
        base | {"activation": "gelu", "model.width": 256},
    ]


def test_all_changes_with_one_seed_before_any_with_the_next() -> None:
    search = ablation("model.width=choice(128)", "seed=4,5")
    assert listed(search) == [
        {"model.width": 64, "seed": 4},
        {"model.width": 128, "seed": 4},
        {"model.width": 64, "seed": 5},
        {"model.width": 128, "seed": 5},
    ]


def test_another_choice_brings_its_own_values_and_drops_those_it_has_not() -> None:
    search = ablation("optimizer=adamw,sgd", "optimizer.momentum=0.5,0.9", "norm=batch,none")
    found = listed(search)
    base = {"optimizer": "adamw", "norm": "batch"}
    assert found[0] == base
    assert base | {"optimizer": "sgd", "optimizer.momentum": 0.9} in found
    # Momentum alone is no change of a baseline that has none.
    assert search.limit() == 3


def test_a_pair_that_cannot_be_is_left_out() -> None:
    search = ablation(
        "optimizer=choice(sgd)",
        "optimizer.momentum=0.5,0.9",
        "model.width=choice(128)",
        "search.pairs=true",
    )
    assert all(("optimizer.momentum" in p) == (p["optimizer"] == "sgd") for p in listed(search))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("model.width=choice(64)",), "nothing to change"),
        (("seed=1,2",), "nothing to change"),
        (("optimizer.lr=interval(0.1,0.2)", "model.width=choice(128)"), "is the interval"),
    ],
)
def test_what_cannot_be_ablated_is_refused(words: tuple[str, ...], told: str) -> None:
    with pytest.raises(ConfigError, match=told) as refusal:
        ablation(*words)
    assert len(str(refusal.value).splitlines()) <= 2


def ran(search: Ablation, scores: list[float | None]) -> list[TrialRecord]:
    """The first trials of an ablation, each with its score; None: it failed."""
    return [
        TrialRecord(
            f"{number:04d}",
            number,
            State.FAILED if score is None else State.COMPLETE,
            params=search.point(number) or {},
            epochs={1: {"val_accuracy": 0.1 if score is None else score}},
        )
        for number, score in enumerate(scores)
    ]


def test_the_sheet_is_sorted_by_what_the_changes_did() -> None:
    search = ablation("model.width=32,128", "activation=choice(gelu)")
    sheet = search.sheet(ran(search, [0.5, 0.6, 0.4, 0.7]), ACCURACY)
    assert [row.overrides for row in sheet] == [
        "",
        "model.width=128",
        "activation=gelu",
        "model.width=32",
    ]
    assert [round(row.difference, 9) for row in sheet] == [0, 0.2, 0.1, -0.1]
    assert [row.verdict for row in sheet] == [
        "baseline",
        "better, one run",
        "better, one run",
        "worse, one run",
    ]
    falling = Objective("val_accuracy", maximize=False)
    downward = search.sheet(ran(search, [0.5, 0.6, 0.4, 0.7]), falling)
    assert [row.overrides for row in downward][1] == "model.width=32"
    assert downward[1].difference == pytest.approx(0.1)


def test_a_difference_is_judged_against_the_spread_over_seeds() -> None:
    search = ablation("model.width=128,256", "seed=1,2,3")
    scores = [0.50, 0.60, 0.52, 0.51, 0.61, 0.49, 0.49, 0.62, 0.50]
    base, much, little = search.sheet(ran(search, list(scores)), ACCURACY)
    assert (base.trials, much.overrides, little.overrides) == (
        3,
        "model.width=128",
        "model.width=256",
    )
    assert (much.verdict, little.verdict) == ("worked", "no difference seen")
    expected = ttest_ind([0.60, 0.61, 0.62], [0.50, 0.51, 0.49], equal_var=False)
    low, high = expected.confidence_interval(0.95)
    assert much.difference - much.margin == pytest.approx(low)
    assert much.difference + much.margin == pytest.approx(high)


def test_what_has_failed_is_not_in_the_sheet() -> None:
    search = ablation("model.width=128,256")
    assert [r.overrides for r in search.sheet(ran(search, [0.5, None, 0.6]), ACCURACY)] == [
        "",
        "model.width=256",
    ]
    assert search.sheet(ran(search, [None, 0.5, 0.6]), ACCURACY) == []


def test_verdicts() -> None:
    row = Change("a=1", 3, 0.5, 0.1, difference=0.2, margin=0.1)
    assert row.verdict == "worked"
    assert replace(row, difference=-0.2).verdict == "hurt"
    assert replace(row, difference=0.05).verdict == "no difference seen"
    assert replace(row, difference=-0.05, margin=math.nan).verdict == "worse, one run"
    assert replace(row, difference=0.0, margin=math.nan).verdict == "equal"
