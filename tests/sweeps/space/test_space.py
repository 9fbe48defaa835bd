"""The configurations of a space: listed, counted, drawn, labelled and conditional."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, ClassVar

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.space.dimensions import Choice, Dimension, Interval
from sweeps.space.expressions import Expression
from sweeps.space.space import Parameter, Space
from tests.sweeps.space.spaces import from_line, identical, jsonlike
from trainers.errors import ConfigError


def holds(dimension: Dimension, value: Any) -> bool:
    """Whether a value is one of a dimension's."""
    if isinstance(dimension, Choice):
        return any(identical(value, own) for own in dimension.values)
    if type(value) is not (int if dimension.integer else float):
        return False
    if not dimension.low <= value <= dimension.high + 1e-9:
        return False
    steps = (value - dimension.low) / (dimension.step or 1)
    continuous = dimension.step is None and not dimension.integer
    return continuous or math.isclose(steps, round(steps), abs_tol=1e-6)


def contains(space: Space, point: Mapping[str, Any]) -> bool:
    """Whether a configuration has exactly the keys of its choices, and values of the space."""
    there = [p for p in space.parameters if p.applies(point)]
    return {p.key for p in there} == set(point) and all(
        holds(p.dimension, point[p.key]) for p in there
    )


def distinct(values: list[Any]) -> tuple[Any, ...]:
    """Each value once; a list and its own JSON text count as one (see the refusals)."""
    distinct_by_text: dict[str, Any] = {}
    for value in values:
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        distinct_by_text.setdefault(text, value)
    return tuple(distinct_by_text.values())


choices = st.lists(jsonlike, min_size=1, max_size=4).map(lambda values: Choice(distinct(values)))
finite = choices | st.builds(
    lambda low, steps, step: Interval(low, low + steps * step, integer=True, step=step),
    st.integers(-9, 9),
    st.integers(1, 5),
    st.integers(1, 3),
)
fractions = st.builds(
    lambda low, steps: Interval(low / 8, (low + steps) / 8, step=0.125),
    st.integers(-9, 9),
    st.integers(1, 5),
)
continuous = st.builds(
    lambda low, width, log: Interval(low, low + width, log=log),
    st.floats(1e-3, 1e3),
    st.floats(1e-1, 1e3),
    st.booleans(),
) | st.builds(
    lambda low, width, log: Interval(low, low + width, log=log, integer=True),
    st.integers(1, 99),
    st.integers(1, 99),
    st.booleans(),
)


@st.composite
def spaces(draw: st.DrawFn, dimensions: st.SearchStrategy[Dimension]) -> Space:
    """Up to two groups, then keys that may exist only under some of their choices."""
    groups = [
        Parameter(f"g{index}", Choice(tuple("abc"[: draw(st.integers(1, 3))])), group=True)
        for index in range(draw(st.integers(0, 2)))
    ]
    keys: list[Parameter] = []
    for index in range(draw(st.integers(0, 3))):
        only = None
        if keys and draw(st.booleans()):
            one, two = draw(st.sampled_from(keys)), draw(st.sampled_from([*groups, *keys]))
            word = draw(st.sampled_from(["and", "or"]))
            first = draw(st.sampled_from(list(one.dimension.examples())))
            literal = "null" if isinstance(first, dict | list) else json.dumps(first)
            only = Expression.parse(f'{one.key} != {literal} {word} {two.key} != "b"', "when")
        when = tuple(
            (
                group.key,
                frozenset(draw(st.sets(st.sampled_from(tuple(group.dimension.enumerate()))))),
            )
            for group in groups
            if draw(st.booleans())
        )
        keys.append(Parameter(f"k{index}", draw(dimensions), when=when, only=only))
    return Space((*groups, *keys))


class TestPoints:
    @given(spaces(finite | fractions))
    def test_a_list_has_every_configuration_once(self, space: Space) -> None:
        points = list(space.enumerate())
        assert len(points) == space.size()
        assert all(contains(space, point) for point in points)
        assert len({json.dumps(space.labels(p), sort_keys=True) for p in points}) == len(points)

    @given(spaces(finite | fractions))
    def test_labels_are_scalars_and_values_their_inverse(self, space: Space) -> None:
        for point in space.enumerate():
            labels = space.labels(point)
            assert all(
                v is None or isinstance(v, bool | int | float | str) for v in labels.values()
            )
            assert identical(space.values(labels), point)

    @given(spaces(finite | fractions | continuous), st.integers(0, 2**32 - 1))
    def test_what_is_suggested_is_of_the_space(self, space: Space, seed: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
        trial = study.ask()
        point = space.suggest(trial)
        assert contains(space, point)
        assert trial.params.keys() == point.keys()
        assert identical(space.values(trial.params), point)

    def test_the_last_key_varies_fastest(self) -> None:
        space = from_line("a=1,2", "b=range(0,2)", "c=x,y")
        assert [tuple(point.values()) for point in space.enumerate()] == [
            (1, 0, "x"), (1, 0, "y"), (1, 1, "x"), (1, 1, "y"),
            (2, 0, "x"), (2, 0, "y"), (2, 1, "x"), (2, 1, "y"),
        ]  # fmt: skip

    def test_decimals_are_the_same_drawn_and_listed(self) -> None:
        space = from_line("k=range(0.1,0.8,0.1)")
        listed = {point["k"] for point in space.enumerate()}
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        assert {space.suggest(study.ask())["k"] for _ in range(50)} <= listed

    def test_an_interval_has_no_list(self) -> None:
        space = from_line("a=1,2", "lr=tag(log,interval(1e-4,0.5))")
        assert space.size() is None
        with pytest.raises(ConfigError, match=r"lr is the interval 0\.0001 to 0\.5") as refusal:
            list(space.enumerate())
        assert "search=random" in str(refusal.value)
        assert len(str(refusal.value).splitlines()) <= 2


class TestConditions:
    #: Choice of a group -> the keys it brings.
    HAS: ClassVar = {
        ("optimizer", "adam"): {"optimizer.lr", "optimizer.beta"},
        ("optimizer", "adamw"): {"optimizer.lr", "optimizer.beta"},
        ("optimizer", "sgd"): {"optimizer.lr", "optimizer.momentum"},
        ("model", "cnn"): {"model.width", "model.channels"},
        ("model", "mlp"): {"model.width"},
    }
    BASE: ClassVar = {"optimizer": "adam", "model": "mlp"}

    def exists(self, choices: Mapping[str, str], key: str) -> bool:
        return any(key in self.HAS[pair] for pair in {**self.BASE, **choices}.items())

    def test_a_key_is_conditional_on_the_choices_that_have_it(self) -> None:
        space = from_line(
            "optimizer=adam,adamw,sgd",
            "model=cnn,mlp",
            "optimizer.lr=1,2",
            "optimizer.beta=1,2,3",
            "optimizer.momentum=1,2,3,4",
            "model.width=1,2",
            "model.channels=1,2,3",
        ).conditional(self.exists)
        assert {p.key: p.when for p in space.parameters if p.when} == {
            "optimizer.beta": (("optimizer", frozenset({"adam", "adamw"})),),
            "optimizer.momentum": (("optimizer", frozenset({"sgd"})),),
            "model.channels": (("model", frozenset({"cnn"})),),
        }
        # optimizer: (adam + adamw) 2 x 3 each, sgd 2 x 4; model: cnn 2 x 3, mlp 2
        assert space.size() == (2 * 6 + 8) * (6 + 2)
        for point in space.enumerate():
            for key in ("optimizer.lr", "optimizer.beta", "optimizer.momentum", "model.channels"):
                group = key.partition(".")[0]
                assert (key in point) == (key in self.HAS[group, point[group]])

    def test_of_two_groups_both_must_hold(self) -> None:
        space = Space(
            (
                Parameter("model", Choice(("cnn", "mlp")), group=True),
                Parameter("optimizer", Choice(("adam", "sgd")), group=True),
                Parameter(
                    "k",
                    Choice((1, 2)),
                    when=(("model", frozenset({"cnn"})), ("optimizer", frozenset({"sgd"}))),
                ),
            )
        )
        assert space.size() == 3 + 2
        assert [point for point in space.enumerate() if "k" in point] == [
            {"model": "cnn", "optimizer": "sgd", "k": k} for k in (1, 2)
        ]

    def test_without_a_swept_group_nothing_is_conditional(self) -> None:
        space = from_line("optimizer.beta=1,2").conditional(self.exists)
        assert space.parameters[0].when == ()

    def test_a_key_of_no_configuration_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"no configuration has a key optimizer\.rho"):
            from_line("optimizer=adam,sgd", "optimizer.rho=1,2").conditional(self.exists)
        with pytest.raises(ConfigError, match=r"model\.channels"):
            from_line("optimizer=adam,sgd", "model.channels=1,2").conditional(self.exists)
