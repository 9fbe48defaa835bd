"""Values of a swept key have their place, in the space or outside it."""

from __future__ import annotations

import pytest

from sweeps.figures.drawing.parameters import parameters_of
from sweeps.figures.drawing.scales import Categories, Linear, Log, LogToOne
from sweeps.space.dimensions import Choice, Interval
from tests.sweeps.figures.recorded import NASTY, sweep_of, trial

DIMENSIONS = {
    "lr": Interval(1e-4, 1e-2, log=True),
    "momentum": Interval(0.9, 0.999, log1m=True),
    "width": Interval(32, 64, integer=True),
    "depth": Choice((3, 1, 2)),
    "norm": Choice(("none", "batch")),
    "widths": Choice(([1, 2], [3, 4])),
}
VALUES = {"lr": 1e-3, "momentum": 0.99, "width": 48, "depth": 2, "norm": "batch", "widths": [3, 4]}


def test_each_kind_has_its_scale() -> None:
    one = trial(0, [0.5], params=VALUES)
    found = parameters_of(sweep_of([one], DIMENSIONS), [one])
    kinds = [type(key.scale) for key in found]
    assert kinds == [Log, LogToOne, Linear, Categories, Categories, Categories]
    places = [key.at(one, jitter=0.0) for key in found]
    assert places == pytest.approx([0.5, 0.5, 0.5, 0.5, 0.75, 0.75])
    assert [key.ends for key in found[:3]] == [(1e-4, 1e-2), (0.9, 0.999), (32, 64)]
    assert found[0].name == "lr (log scale)"


def test_what_lies_outside_the_space_has_a_place_too() -> None:
    trials = [
        trial(0, [0.5], params={"lr": 1.0, "norm": "layer", "momentum": 1.0}),
        trial(1, [0.5], params={"lr": "auto"}),
    ]
    lr, momentum, *_, norm, _ = parameters_of(sweep_of(trials, DIMENSIONS), trials[:1])
    assert lr.at(trials[0]) == pytest.approx(0.96, abs=0.01)
    assert momentum.at(trials[0]) is not None
    assert norm.scale == Categories(("none", "batch", "layer"))
    (lanes, *_) = parameters_of(sweep_of(trials, DIMENSIONS), trials)
    assert lanes.is_choice
    assert lanes.at(trials[1]) is not None


def test_a_trial_without_the_key_has_no_place() -> None:
    one = trial(0, [0.5], params={})
    assert [key.at(one) for key in parameters_of(sweep_of([one], DIMENSIONS), [one])] == [None] * 6


def test_points_of_a_lane_stay_in_it_and_apart() -> None:
    trials = [trial(n, [0.5], params={"norm": "batch"}) for n in range(40)]
    norm = parameters_of(sweep_of(trials, {"norm": DIMENSIONS["norm"]}), trials)[0]
    places = [norm.at(one) or 0.0 for one in trials]
    assert all(0.5 < place < 1 for place in places)
    assert len({round(place, 3) for place in places}) == 40
    assert places == [norm.at(one) for one in trials], "the same again"


@pytest.mark.parametrize("value", [*NASTY, None, True, 1, float("nan"), {"a": "<b>"}])
def test_any_value_of_a_choice_has_a_lane(value: object) -> None:
    one = trial(0, [0.5], params={"x": value})
    (x,) = parameters_of(sweep_of([one], {"x": Choice((value, "other"))}), [one])
    assert x.at(one) is not None
