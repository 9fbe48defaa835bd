"""The simulated sweeps have the truth that they are judged by."""

from __future__ import annotations

import pytest

from sweeps.bench.findings import COLLAPSE, STRONG, Case, Truth, cases_of, measure
from trainers.errors import ConfigError


def test_the_truth_is_what_the_curves_differ_by() -> None:
    truth = Truth("planted", seed=1)
    base = {"activation": "relu", "norm": "batch", "optimizer.lr": 0.01, "model.width": 64}
    ends = [
        sum(
            Truth("planted", seed).curve({**base, "activation": a}).values[-1]
            for seed in range(300)
        )
        for a in ("relu", "gelu")
    ]
    assert (ends[1] - ends[0]) / 300 == pytest.approx(STRONG, rel=0.15)
    assert truth.parts({**base, "activation": "gelu"})["activation"] == STRONG
    assert truth.curve(base) == truth.curve(base)


def test_a_sweep_without_effects_has_none_to_find() -> None:
    counts = measure(Case("nothing", "random", "asha", 24), 0, 2)
    assert (counts.sweeps, counts.strong, counts.right) == (2, 0, 0)
    assert counts.compared > 10


def test_all_kinds_are_simulated() -> None:
    assert len(list(cases_of(200))) == 72
    assert {case.trials for case in cases_of(60)} == {4, 8, 12, 24, 60}


def test_beyond_the_cliff_training_collapses() -> None:
    base = {"activation": "relu", "norm": "batch", "model.width": 64}
    truth = Truth("collapse", seed=1)
    low, high = (truth.parts({**base, "optimizer.lr": lr})["optimizer.lr"] for lr in (0.01, 0.02))
    assert low - high > 0.9 * COLLAPSE


@pytest.mark.parametrize("word", ["sweeps=0", "large=3", "sweeps=x"])
def test_wrong_options_are_refused(word: str) -> None:
    from sweeps.bench.findings import _options

    with pytest.raises(ConfigError, match="sweeps=300 and largest=60"):
        _options([word])
