"""Conditions of `when:`: what they leave of a space, in which order, and what they refuse."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

import sweeps.space.space as space_module
from sweeps.space.grammar import parse
from sweeps.space.space import Space
from sweeps.space.when import conditioned
from trainers.errors import ConfigError

GROUPS = {"optimizer": ["adam", "sgd"], "model": ["cnn", "mlp"]}
#: Choice -> the keys it brings; the rest is everywhere. Without a sweep: adam, mlp.
BRINGS = {"sgd": {"momentum"}, "adam": {"beta"}}


def exists(choices: Mapping[str, str], key: str) -> bool:
    there = {"optimizer": "adam", **choices}["optimizer"]
    return all(key not in keys or choice == there for choice, keys in BRINGS.items())


def space(when: Mapping[str, str], *words: str, **fixed: Any) -> Space:
    return with_messages(when, *words, **fixed)[0]


def with_messages(when: Mapping[str, str], *words: str, **fixed: Any) -> tuple[Space, list[str]]:
    overrides = OverridesParser.create().parse_overrides(list(words))
    unconditioned = parse(overrides, lambda key: GROUPS.get(key, [])).conditional(exists)
    absent = [key for key, value in fixed.items() if value == "absent"]
    given = {key: value for key, value in fixed.items() if key not in absent}
    return conditioned(unconditioned, when, given, {}, absent, lambda key: exists({}, key))


def listed(space: Space) -> list[dict[str, Any]]:
    points = list(space.enumerate())
    assert space.size() == len(points)
    return points


def test_a_key_is_there_where_its_condition_holds() -> None:
    made = space({"b": "a >= 2"}, "a=1,2,3", "b=x,y")
    assert listed(made) == [
        {"a": 1},
        {"a": 2, "b": "x"},
        {"a": 2, "b": "y"},
        {"a": 3, "b": "x"},
        {"a": 3, "b": "y"},
    ]


def test_what_is_drawn_keeps_to_it() -> None:
    made = space({"b": "a >= 0.5"}, "b=interval(0,1)", "a=interval(0,1)")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    drawn = [made.suggest(study.ask()) for _ in range(50)]
    assert {len(point) for point in drawn} == {1, 2}
    assert all(("b" in point) == (point["a"] >= 0.5) for point in drawn)


def test_the_order_of_drawing_follows_the_conditions() -> None:
    made = space({"a": "b > 1", "b": "c > 1"}, "a=1,2", "d=1,2", "b=1,2", "c=1,2")
    assert made.keys == ("d", "c", "b", "a")
    assert len(listed(made)) == 2 * (1 + 1 + 2)


def test_a_condition_on_a_key_that_is_not_drawn_does_not_hold() -> None:
    made = space({"b": "a > 1", "c": "b < 9 or a == 1"}, "a=1,2", "b=1,2", "c=1,2")
    assert listed(made) == [{"a": 1}, *({"a": 2, "b": b, "c": c} for b in (1, 2) for c in (1, 2))]


def test_it_joins_what_follows_from_the_groups() -> None:
    words = ("optimizer=adam,sgd", "momentum=0.5,0.9", "depth=1,2")
    made = space({"momentum": "depth == 2"}, *words)
    assert [point for point in listed(made) if "momentum" in point] == [
        {"optimizer": "sgd", "depth": 2, "momentum": momentum} for momentum in (0.5, 0.9)
    ]
    by_group = space({"depth": 'optimizer == "sgd"'}, *words)
    assert len(listed(by_group)) == 1 + 4


def test_a_group_with_a_condition_is_as_configured_where_it_does_not_hold() -> None:
    words = ("optimizer=sgd,adam", "beta=1,2", "momentum=1,2,3", "depth=1,2")
    made = space({"optimizer": "depth == 2"}, *words)
    one = [point for point in listed(made) if point["depth"] == 1]
    assert one == [{"depth": 1, "beta": 1}, {"depth": 1, "beta": 2}], "of adam, the configured"
    assert len(listed(made)) == 2 + 3 + 2


def test_a_continuum_is_reported_even_if_only_some_have_it() -> None:
    assert space({"b": "a > 1"}, "a=1,2", "b=interval(0,1)").size() is None
    assert space({"b": "a > 5"}, "a=1,2", "b=interval(0,1)").size() == 2


def test_many_configurations_are_counted_without_listing_them() -> None:
    keys = [f"k{n}" for n in range(12)]
    when = {key: f"{before} > 2" for before, key in pairwise(keys)}
    made = space(when, *(f"{key}=range(0,10)" for key in keys))
    ways = 10  # of the last; each before it has 3 values that end there, and 7 that go on
    for _ in keys[1:]:
        ways = 3 + 7 * ways
    assert made.size() == ways


def test_too_many_cases_are_only_known_to_be_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space_module, "COUNTED", 100)
    made = space({"c": "a * b > 50"}, "a=range(0,40)", "b=range(0,40)", "c=1,2")
    size = made.size()
    assert size is not None
    assert size > 100


class TestFixed:
    """Keys of the space that have been given one value for all trials."""

    def test_a_condition_on_one_is_passed_over(self) -> None:
        assert listed(space({"b": "a > 1"}, "a=1,2", b=7)) == [{"a": 1}, {"a": 2}]

    def test_in_a_condition_it_has_its_value(self) -> None:
        made = space({"b": "a + c > 4"}, "b=1,2", "c=1,2", a=3)
        assert listed(made) == [{"c": 1}, {"c": 2, "b": 1}, {"c": 2, "b": 2}]
        assert listed(space({"b": "a > 1"}, "b=1,2", a=3)) == [{"b": 1}, {"b": 2}]

    @pytest.mark.parametrize("value", [0, "absent"])
    def test_a_key_that_can_never_be_drawn_is_left_out_with_a_message(self, value: object) -> None:
        made, messages = with_messages(
            {"b": "a > 1", "c": "b > 1"}, "b=1,2", "c=1,2", "d=1,2", a=value
        )
        assert made.keys == ("d",)
        assert messages == [
            "b is not swept: a > 1 never holds",
            "c is not swept: b > 1 never holds",
        ]


class TestRefusals:
    @pytest.mark.parametrize(
        ("when", "circle"),
        [
            ({"a": "a > 1"}, "a needs a"),
            ({"a": "b > 1", "b": "a > 1"}, "a needs b needs a"),
            ({"c": "a > 1", "a": "b > 1", "b": "c > 1"}, "a needs b needs c needs a"),
            ({"d": "a > 1", "a": "b > 1", "b": "a > 1"}, "a needs b needs a"),
            ({"optimizer": "momentum > 1"}, "optimizer needs momentum needs optimizer"),
        ],
    )
    def test_of_a_circle_which_is_named(self, when: Mapping[str, str], circle: str) -> None:
        words = ("a=1,2", "b=1,2", "c=1,2", "d=1,2", "optimizer=adam,sgd", "momentum=1,2")
        with pytest.raises(ConfigError, match=rf"in a circle, {circle}:"):
            space(when, *words)

    @pytest.mark.parametrize(
        ("when", "message"),
        [
            ({"width": "depht > 1"}, 'when.width "depht > 1": depht: .*did you mean depth'),
            ({"wdith": "depth > 1"}, "when.wdith: .*did you mean width"),
            ({"width": "batch > 1"}, "batch: there is no such swept key"),
            ({"width": "depth >"}, "is not an expression"),
            ({"width": "depth"}, "neither true nor false"),
            ({"width": 'depth > "a"'}, "not a number"),
            ({"width": "1 / (depth - 2) > 1"}, "division by zero"),
        ],
    )
    def test_of_what_makes_no_sense(self, when: Mapping[str, str], message: str) -> None:
        with pytest.raises(ConfigError, match=message) as refusal:
            space(when, "depth=1,2", "width=1,2")
        assert len(str(refusal.value).splitlines()) <= 2
