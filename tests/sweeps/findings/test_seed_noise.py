"""The noise between seeds, from repeats, or bounded by what a model leaves."""

from __future__ import annotations

import pytest

from sweeps.findings.finding import Certainty, Finding
from sweeps.findings.observations import observe
from sweeps.findings.seed_noise import noise_of, over_seeds, seed_noise, unexplained
from sweeps.findings.winner import unit_of, winner_findings
from sweeps.repeats.intervals import mean
from sweeps.space.dimensions import Choice
from sweeps.trials import Objective, State
from tests.sweeps.findings.made_sweeps import METRIC, SPACE, drawn, halved, repeat, sweep, trial

UP = Objective(METRIC, True)


def test_repeats_are_pooled_without_the_one_that_was_picked() -> None:
    a, b = trial(0, {"a": 1}, [0.99]), trial(1, {"a": 2}, [0.7])
    again = [repeat(2, a, 1, [0.5]), repeat(3, a, 2, [0.7]), repeat(4, b, 1, [0.6])]
    again += [repeat(5, b, 2, [0.6]), repeat(6, b, 3, [0.6])]
    noise = seed_noise([a, b, *again], UP)
    assert noise is not None
    assert noise.freedom == 3
    assert noise.sd == pytest.approx((0.02 / 3) ** 0.5)
    assert noise.repeated


def test_a_swept_seed_tells_it_too() -> None:
    trials = [trial(i, {"a": i // 2, "seed": i % 2}, [0.5 + 0.1 * (i % 2)]) for i in range(4)]
    noise = seed_noise(trials, UP)
    assert noise is not None
    assert noise.sd == pytest.approx(0.1 / 2**0.5)


def test_stopped_ones_and_single_ones_tell_nothing() -> None:
    one = trial(0, {"a": 1}, [0.5])
    stopped = repeat(2, one, 2, [0.9])
    stopped = trial(2, one.params, [0.9], State.STOPPED, source=stopped.source)
    assert seed_noise([one, repeat(1, one, 1, [0.5]), stopped], UP) is None


def test_otherwise_a_model_bounds_it_where_all_ran_to_their_end() -> None:
    trials = drawn(60, lambda p: 0.5 + 0.1 * (p["activation"] == "gelu"), noise=0.01)
    observed = observe(trials, UP, SPACE, {}, None)
    noise = noise_of(trials, UP, observed)
    assert noise is not None
    assert not noise.repeated
    assert 0.006 < noise.sd < 0.014
    early = halved(trials)
    assert noise_of(early, UP, observe(early, UP, SPACE, {}, None)) is None


def test_of_too_few_or_equal_trials_there_is_none() -> None:
    for trials in (drawn(5, lambda p: 0.5), drawn(30, lambda p: 0.5, noise=0.0)):
        assert unexplained(observe(trials, UP, SPACE, {}, None)) is None


#: Activation -> its scores with the seeds 1, 2 and 3; the best run is none of the best mean.
SEEDED = {"relu": (0.90, 0.91, 0.89), "gelu": (0.93, 0.94, 0.92), "silu": (0.85, 0.86, 0.97)}
BOTH = {"activation": Choice(tuple(SEEDED)), "seed": Choice((1, 2, 3))}


def over(scores: dict[str, tuple[float, ...]], baseline: bool = True) -> dict[str, Finding]:
    """What is found of the winner of a sweep over activations and seeds."""
    trials = [
        trial(3 * place + seed - 1, {"activation": name, "seed": seed}, [value])
        for place, (name, values) in enumerate(scores.items())
        for seed, value in enumerate(values, 1)
    ]
    made = sweep(trials, BOTH, baseline=baseline)
    return {one.id: one for one in winner_findings(made, made.ranked, None)}


def test_the_best_mean_is_told_beside_the_best_run_and_why_they_differ() -> None:
    found = over(SEEDED)
    assert found["winner"].sentence.startswith("0008 is the best of 9 trials: val_accuracy 97.00 %")
    told = found["winner-seeds"]
    average = mean([0.93, 0.94, 0.92])
    margin = f"{100 * average.margin:.1f}"
    assert told.sentence.startswith(
        f"over 3 seeds activation gelu (0003, 0004, 0005) has a mean of 93.00 % ± {margin} points, "
        "the best of 3 configurations; the best run, 0008, is of another one, whose mean is "
        "89.33 %: a single run is the best by the luck of its seed as well"
    )
    assert told.trials == ("0003", "0004", "0005")
    assert (told.value, told.low, told.high) == (average.value, average.low, average.high)
    assert "winner-lead" not in found, "two runs of whatever seeds say less"


def test_means_are_compared_seed_by_seed_and_the_first_is_never_called_clear() -> None:
    steady = over({"relu": (0.90, 0.94, 0.86), "gelu": (0.92, 0.961, 0.88)})["winner-seeds"]
    assert steady.certainty is Certainty.COUNTED
    assert "+2.0 ± 0.14 points against the second mean, that of 0000" in steady.sentence
    mixed = over({"relu": (0.90, 0.94, 0.86), "gelu": (0.86, 0.95, 0.90)})["winner-seeds"]
    assert mixed.certainty is Certainty.OPEN
    assert "it and the second mean, that of 0000, cannot be told apart" in mixed.sentence
    assert "the best run" not in mixed.sentence, "it is of that configuration"


def test_a_single_score_is_no_mean_and_the_baseline_is_called_so() -> None:
    lucky = over({"relu": (0.90, 0.92), "gelu": (0.99,)})
    told = lucky["winner-seeds"].sentence
    assert told.startswith("over 2 seeds the configuration as it is (0000, 0001) has a mean of 91")
    assert "the best run, 0003, is of another one, which has a single score" in told
    assert (
        "over 2 seeds activation relu"
        in over({"relu": (0.9, 0.92)}, False)["winner-seeds"].sentence
    )
    singles = over({"relu": (0.90,), "gelu": (0.99,)})
    assert "winner-seeds" not in singles
    assert "winner-lead" in singles


def test_the_second_may_be_the_same_with_another_seed() -> None:
    told = over({"relu": (0.90, 0.8), "gelu": (0.98, 0.99)})["winner"].sentence
    assert told.endswith("against the second, 0003, the same with another seed")


def test_without_a_swept_seed_nothing_is_said_of_it() -> None:
    made = sweep(drawn(9, lambda params: 0.5))
    assert over_seeds(made, made.ranked[0], unit_of(made)) is None
