"""Effects: pairs, models, equal epochs; and how often they are right, on simulated sweeps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from sweeps.bench.findings import Case, Counts, measure
from sweeps.findings.effects import _corrected, effects, pairs_together
from sweeps.findings.finding import Effect
from sweeps.findings.observations import observe
from sweeps.findings.seed_noise import SeedNoise
from sweeps.space.dimensions import Choice, Dimension
from sweeps.trials import Objective, TrialRecord
from tests.sweeps.findings.made_sweeps import METRIC, RANDOM, SPACE, TPE, drawn, halved, rule, trial

UP = Objective(METRIC, True)


def found(
    trials: list[TrialRecord],
    dimensions: Mapping[str, Dimension] = SPACE,
    search: str = RANDOM,
    noise: SeedNoise | None = None,
) -> dict[tuple[str, int], Effect]:
    observed = observe(trials, UP, dimensions, {"_target_": search}, None)
    return {(effect.key, effect.place): effect for effect in effects(observed, noise)}


@pytest.mark.parametrize("search", [RANDOM, TPE])
def test_a_planted_effect_is_found_and_the_rest_is_not(search: str) -> None:
    made = found(drawn(60, rule), search=search)
    gelu = made["activation", 1]
    assert gelu.clear
    assert gelu.low < 0.02 < gelu.high
    assert (gelu.level, gelu.reference, gelu.pairs, gelu.epochs) == ("gelu", "relu", 0, 9)
    assert made["optimizer.lr", 1].estimate > 0
    assert made["optimizer.lr", 1].clear
    assert not made["norm", 1].clear
    assert not made["model.width", 1].clear


def test_stopped_trials_are_compared_at_their_epoch() -> None:
    made = found(halved(drawn(60, rule), rung=3))
    gelu = made["activation", 1]
    assert gelu.epochs == 3
    assert gelu.clear
    assert gelu.low < 0.02 < gelu.high


def test_less_is_better_turns_the_sign() -> None:
    observed = observe(drawn(60, rule), Objective(METRIC, False), SPACE, {}, None)
    gelu = next(e for e in effects(observed, None) if (e.key, e.level) == ("activation", "gelu"))
    assert gelu.clear
    assert gelu.estimate < 0


class TestPairs:
    SPACE: Mapping[str, Dimension] = {"a": Choice(("x", "y")), "b": Choice((1, 2, 3))}

    def grid(self, *, seeds: int = 1) -> list[TrialRecord]:
        random = np.random.default_rng(0)
        cells = product(("x", "y"), (1, 2, 3), range(seeds))
        return [
            trial(n, {"a": a, "b": b, "seed": s}, [0.5 + 0.1 * b + 0.03 * (a == "y") + noise])
            for n, ((a, b, s), noise) in enumerate(
                zip(cells, 0.001 * random.standard_normal(99), strict=False)
            )
        ]

    def test_of_a_grid_all_are(self) -> None:
        made = found(self.grid(seeds=2), self.SPACE, "sweeps.search.Grid")
        effect = made["a", 1]
        assert effect.pairs == 6
        assert effect.clear
        assert effect.low < 0.03 < effect.high

    def test_a_search_that_looks_at_scores_has_none(self) -> None:
        assert found(self.grid(seeds=2), self.SPACE, TPE)["a", 1].pairs == 0

    def test_a_single_one_is_no_evidence(self) -> None:
        one = [trial(0, {"a": "x"}, [0.5]), trial(1, {"a": "y"}, [0.9])]
        effect = found(one, {"a": self.SPACE["a"]}, "sweeps.search.Ablation")["a", 1]
        assert effect.pairs == 1
        assert effect.estimate == pytest.approx(0.4)
        assert (effect.low, effect.high, effect.clear) == (-math.inf, math.inf, False)

    def test_unless_the_noise_between_seeds_is_known(self) -> None:
        one = [trial(0, {"a": "x"}, [0.5]), trial(1, {"a": "y"}, [0.9])]
        noise = SeedNoise(0.01, 10, True)
        effect = found(one, {"a": self.SPACE["a"]}, "sweeps.search.Ablation", noise)["a", 1]
        assert effect.clear
        assert effect.high - effect.low == pytest.approx(2 * 2.228 * 0.01 * math.sqrt(2), rel=1e-3)

    def test_what_comes_with_a_value_makes_no_difference(self) -> None:
        space = {"o": Choice(("adam", "sgd")), "m": Choice((0.9,)), "s": Choice((1, 2, 3))}
        trials = []
        for s in (1, 2, 3):
            trials.append(trial(len(trials), {"o": "adam", "s": s}, [0.5 + s / 100]))
            trials.append(trial(len(trials), {"o": "sgd", "m": 0.9, "s": s}, [0.4 + s / 90]))
        assert found(trials, space, "sweeps.search.Grid")["o", 1].pairs == 3


def test_many_values_and_many_trials_are_bounded() -> None:
    space: Mapping[str, Dimension] = {"a": Choice(tuple(f"v{i}" for i in range(50)))}
    made = found(drawn(120, lambda p: 0.5, space=space), space, TPE)
    assert 0 < len(made) <= 12


def test_what_matters_only_together_is_found_and_else_nothing() -> None:
    def together(params: Mapping[str, Any]) -> float:
        best = -3 if params["norm"] == "none" else -2
        return 0.8 - 0.02 * (math.log10(params["optimizer.lr"]) - best) ** 2

    observed = observe(drawn(90, together), UP, SPACE, {}, None)
    (pair, *_) = pairs_together(observed, list(SPACE))
    assert set(pair.keys) == {"norm", "optimizer.lr"}
    assert pair.share > 0.05
    said = 0
    for seed in range(60):
        nothing = observe(drawn(40, lambda p: 0.5, seed=seed), UP, SPACE, {}, None)
        said += bool(pairs_together(nothing, list(SPACE)))
    assert said <= 8  # 5 % of 60, and three standard errors


#: Sweeps of each kind, and how many standard errors a share may be off: few sweeps have few.
SWEEPS, OFF = 12, 3.5


@pytest.mark.parametrize("truth", ["nothing", "planted", "collapse"])
@pytest.mark.parametrize("trials", [4, 8, 12])
def test_a_model_of_few_trials_claims_nothing(truth: str, trials: int) -> None:
    counts = measure(Case(truth, "random", "asha", trials), 0, 3)
    assert (counts.sweeps, counts.compared, counts.claimed) == (3, 0, 0)


def test_two_pairs_are_no_evidence_and_three_may_be() -> None:
    space: Mapping[str, Dimension] = {"a": Choice(("x", "y")), "b": Choice((1, 2, 3))}
    for cells, known in ((2, False), (3, True)):
        trials = [
            trial(2 * b + (a == "y"), {"a": a, "b": b}, [0.5 + b / 1000 * (a == "y")])
            for b in range(1, cells + 1)
            for a in ("x", "y")
        ]
        effect = found(trials, space, "sweeps.search.Grid")["a", 1]
        assert (effect.pairs, effect.known) == (cells, known)


def test_two_keys_matter_together_only_where_a_model_can_tell() -> None:
    def together(params: Mapping[str, Any]) -> float:
        return 0.8 - 0.3 * (params["norm"] == "none") * (params["model.width"] > 64)

    for seed in range(20):
        few = observe(drawn(12, together, seed=seed), UP, SPACE, {}, None)
        assert not pairs_together(few, list(SPACE))


@pytest.mark.parametrize(("search", "stop"), [("random", "asha"), ("tpe", "none")])
def test_intervals_cover_the_truth_and_claims_are_rare_where_nothing_matters(
    search: str, stop: str
) -> None:
    counts = measure(Case("nothing", search, stop, 24), 0, SWEEPS)
    assert counts.sweeps == SWEEPS
    assert counts.compared > 7 * SWEEPS
    # Effects of one sweep share trials: about three of nine are independent.
    error = math.sqrt(0.05 * 0.95 / (counts.compared / 3))
    assert counts.covered / counts.compared > 0.95 - OFF * error
    assert counts.claiming <= 0.05 * SWEEPS + OFF * math.sqrt(0.05 * 0.95 * SWEEPS)
    assert counts.claimed <= 0.05 * counts.compared
    assert counts.edges <= 3


def test_planted_effects_are_found_in_the_right_direction() -> None:
    counts = sum(
        (measure(Case("planted", "random", stop, 60), 0, 6) for stop in ("asha", "none")), Counts()
    )
    assert counts.found >= 0.9 * counts.strong > 25
    error = math.sqrt(0.05 * 0.95 / counts.claimed)
    assert counts.right >= (0.95 - OFF * error) * counts.claimed
    assert counts.covered > 0.9 * counts.compared


@pytest.mark.parametrize(
    ("trials", "expected"),
    [(60, [0.04, 0.04, 0.04, 0.9]), (200, [0.04, 0.04, 0.04, 0.9]), (30, [0.08, 0.08, 0.08, 1.0])],
)
def test_chances_are_those_among_all_that_is_claimed(trials: int, expected: list[float]) -> None:
    chances = (0.01, 0.02, 0.03, 0.9)  # 4 x 0.01, 4/2 x 0.02 and 4/3 x 0.03 are 0.04
    one = Effect("lr", 1, 2, 0.5, 0.1, 0.9, 0, 9, ())
    found = _corrected([replace(one, chance=chance) for chance in chances], trials)
    assert [effect.chance for effect in found] == pytest.approx(expected)


def test_what_is_unknown_is_no_comparison() -> None:
    one = Effect("lr", 1, 2, 0.5, -math.inf, math.inf, 0, 9, ())
    known = replace(one, low=0.1, high=0.9, chance=0.03)
    assert [effect.chance for effect in _corrected([one, known, one], 60)] == [1.0, 0.03, 1.0]
