"""The grammar of spaces, what it refuses, and what spaces give out."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from sweeps.space.dimensions import Choice, Dimension, Interval, written
from sweeps.space.expressions import Expression
from sweeps.space.grammar import parse, parse_yaml
from sweeps.space.space import Parameter, Space
from trainers.errors import ConfigError

PARSER = OverridesParser.create()
GROUPS = {"optimizer": ["adam", "adamw", "sgd"], "model": ["cnn", "mlp"]}


def options(key: str) -> Sequence[str]:
    return GROUPS.get(key, [])


def from_line(*words: str) -> Space:
    return parse(PARSER.parse_overrides(list(words)), options)


def from_yaml(space: Mapping[str, Any]) -> Space:
    return parse(parse_yaml(space, PARSER), options)


def dimension(space: Space) -> Dimension:
    (parameter,) = space.parameters
    return parameter.dimension


def identical(a: Any, b: Any) -> bool:
    """Equal in type too: 1 is not 1.0, nor true."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(identical(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(identical, a, b))
    return bool(a == b)


def holds(dimension: Dimension, value: Any) -> bool:
    """Whether a value is one of a dimension's."""
    if isinstance(dimension, Choice):
        return any(identical(value, known) for known in dimension.values)
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


class TestGrammar:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("32,64,128", Choice((32, 64, 128))),
            ("0.1,0.25", Choice((0.1, 0.25))),
            ("choice(a,b)", Choice(("a", "b"))),
            ("choice(a)", Choice(("a",))),
            ("null,1", Choice((None, 1))),
            ("true,false", Choice((True, False))),
            ("'a b',\"c,d\"", Choice(("a b", "c,d"))),
            ("[1,2],[3],[]", Choice(([1, 2], [3], []))),
            ("{a:1},{a:[x]}", Choice(({"a": 1}, {"a": ["x"]}))),
            ("1,2.0,false", Choice((1, 2.0, False))),
            ("1,'1'", Choice((1, "1"))),
            ("range(1,5)", Interval(1, 4, integer=True)),
            ("range(5)", Interval(0, 4, integer=True)),
            ("range(0,10,3)", Interval(0, 9, integer=True, step=3)),
            ("range(0,9,3)", Interval(0, 6, integer=True, step=3)),
            ("range(0.1,0.5,0.1)", Interval(0.1, 0.4, step=0.1)),
            ("range(3,4)", Choice((3,))),
            ("interval(1,9)", Interval(1.0, 9.0)),
            ("interval(1e-4,0.5)", Interval(1e-4, 0.5)),
            ("int(interval(1,9))", Interval(1, 9, integer=True)),
            ("tag(log,interval(1e-4,1e-1))", Interval(1e-4, 1e-1, log=True)),
            ("tag(log, int(interval(16, 256)))", Interval(16, 256, log=True, integer=True)),
            ("int(tag(log, interval(16, 256)))", Interval(16, 256, log=True, integer=True)),
        ],
    )
    def test_means_the_same_in_yaml_and_on_the_command_line(
        self, text: str, expected: Dimension
    ) -> None:
        for space in (from_line(f"model.x={text}"), from_yaml({"model.x": text})):
            found = dimension(space)
            assert found == expected
            if isinstance(found, Choice) and isinstance(expected, Choice):
                assert identical(list(found.values), list(expected.values))
            if isinstance(found, Interval) and isinstance(expected, Interval):
                assert found.integer == expected.integer
                assert identical(list(found.examples()), list(expected.examples()))

    @pytest.mark.parametrize(
        "values",
        [
            [1, "a", None, 2.5, [1, 2]],
            ["a"],
            [{"a": None}, "a b", True],
        ],
    )
    def test_a_yaml_list_is_a_choice(self, values: list[Any]) -> None:
        found = dimension(from_yaml({"k": values}))
        assert isinstance(found, Choice)
        assert identical(list(found.values), values)

    def test_groups_come_first_and_are_told_by_name(self) -> None:
        space = from_line(
            "model.width=1,2", "optimizer=sgd,adam", "lr=interval(0,1)", "model=mlp,cnn"
        )
        assert space.keys == ("optimizer", "model", "model.width", "lr")
        assert [p.key for p in space.groups] == ["optimizer", "model"]

    @pytest.mark.parametrize(
        ("text", "values"),
        [("glob(*)", ("adam", "adamw", "sgd")), ("glob(ad*)", ("adam", "adamw"))],
    )
    def test_a_glob_takes_the_choices_of_a_group(self, text: str, values: tuple[str, ...]) -> None:
        assert dimension(from_line(f"optimizer={text}")) == Choice(values)

    def test_reads_as_a_person_would_write_it(self) -> None:
        space = from_line(
            "a=1,x,null,[1]",
            "b=tag(log,int(interval(16,256)))",
            "c=range(0,1,0.25)",
            "d=interval(0,1)",
        )
        assert [str(p.dimension) for p in space.parameters] == [
            "1, x, null, [1]",
            "16 to 256  (integers, log)",
            "0 to 0.75  (step 0.25)",
            "0 to 1",
        ]


class TestRefusals:
    @pytest.mark.parametrize(
        ("entry", "told"),
        [
            ("lr=interval(2,1)", ["lr", "interval(2", "below"]),
            ("lr=interval(1,1)", ["lr", "interval(1", "below"]),
            ("lr=tag(log,interval(0,1))", ["lr", "log", "0", "above 0"]),
            ("lr=tag(log,interval(-1,1))", ["lr", "log", "-1", "above 0"]),
            ("lr=tag(log,int(interval(0,9)))", ["lr", "log", "above 0"]),
            ("lr=tag(lgo,interval(1,2))", ["lr", "'lgo'", "log"]),
            ("lr=tag(log,fast,interval(1,2))", ["lr", "'fast'"]),
            ("width=1,2,1", ["width", "twice", "1, 2, 1"]),
            ("width=[1],[1]", ["width", "twice"]),
            ("width=range(5,1)", ["width", "range(5,1", "start < stop"]),
            ("width=range(1,1)", ["width", "empty"]),
            ("width=range(0,5,-1)", ["width", "step > 0"]),
            ("optimizer=interval(0,1)", ["optimizer", "config group", "optimizer=adam,adamw,sgd"]),
            ("optimizer=range(0,5)", ["optimizer", "config group"]),
            ("optimizer=adamw,sdg", ["optimizer=sdg", "did you mean sgd"]),
            ("optimizer=adamw,1", ["optimizer=1", "no such choice", "adam, adamw, sgd"]),
            ("optimizer=glob(x*)", ["optimizer", "empty", "at least one"]),
        ],
    )
    def test_in_either_place(self, entry: str, told: list[str]) -> None:
        key, _, text = entry.partition("=")
        for in_yaml in (False, True):
            with pytest.raises(ConfigError) as refusal:
                from_yaml({key: text}) if in_yaml else from_line(entry)
            message = str(refusal.value)
            assert [word for word in told if word not in message] == [], message
            assert len(message.splitlines()) <= 2

    @pytest.mark.parametrize(
        ("value", "told"),
        [
            ([], "empty; give at least one"),
            ("choice()", "grammar"),
            ("interval(1", "grammar"),
            ("tag(log", "grammar"),
            ("3", "nothing to choose from"),
            (3, "nothing to choose from"),
            ("sgd", "nothing to choose from"),
            ([[]], None),
        ],
    )
    def test_in_yaml(self, value: Any, told: str | None) -> None:
        if told is None:
            assert dimension(from_yaml({"k": value})) == Choice(([],))
            return
        with pytest.raises(ConfigError, match=told) as refusal:
            from_yaml({"model.x": value})
        assert "space.model.x" in str(refusal.value)
        assert len(str(refusal.value).splitlines()) <= 2

    @pytest.mark.parametrize(
        "text", ["tag(lgo,choice(1,2))", "tag(log,range(1,100))", "tag(log,choice(1,10))"]
    )
    def test_a_tag_that_would_have_no_effect(self, text: str) -> None:
        with pytest.raises(ConfigError):
            from_line(f"k={text}")

    def test_what_optuna_cannot_tell_apart(self) -> None:
        for text in ("[1],'[1]'", "1,true", "1,1.0", "{a:1,b:2},{b:2,a:1}"):
            with pytest.raises(ConfigError, match="given twice"):
                from_line(f"k={text}")


# What Hydra's grammar would take for something else when it stands without quotes.
WORDS = ("null", "true", "false", "nan", "inf")
texts = st.text(
    st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs"), exclude_characters="\\")
)
texts = texts.filter(lambda text: text.lower() not in WORDS)
# Hydra resolves ${…} within quotes, as everywhere in a configuration.
texts = texts.filter(lambda text: "${" not in text)
names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name not in WORDS
)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
jsonlike = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


class TestNearOne:
    """tag(log1m, interval(…)): 1 - 10^r, r evenly spread."""

    SPACE = "k=tag(log1m,interval(0.9,0.999))"

    def test_the_distance_from_one_is_drawn_on_a_log_scale(self) -> None:
        one = dimension(from_line(self.SPACE))
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        drawn = [one.suggest(study.ask(), "k") for _ in range(2000)]
        assert all(0.9 <= value <= 0.999 for value in drawn)
        exponents = [math.log10(1 - value) for value in drawn]
        assert sum(exponents) / len(drawn) == pytest.approx(-2, abs=0.05)
        assert sum(e < -2.5 for e in exponents) / len(drawn) == pytest.approx(0.25, abs=0.03)

    def test_is_recorded_and_read_back(self) -> None:
        space = from_line(self.SPACE)
        assert space.labels({"k": 0.99}) == {"k": 0.01}
        assert space.values({"k": 0.01}) == {"k": 0.99}
        study = optuna.create_study()
        study.enqueue_trial(space.labels({"k": 0.995}))
        assert space.suggest(study.ask()) == {"k": 0.995}

    @pytest.mark.parametrize(
        "text", ["interval(0.9,1.0)", "int(interval(0,1))", "interval(0.9,1.5)"]
    )
    def test_is_for_numbers_below_one(self, text: str) -> None:
        with pytest.raises(ConfigError, match="log1m"):
            from_line(f"k=tag(log1m,{text})")

    def test_is_a_scale_of_its_own(self) -> None:
        with pytest.raises(ConfigError, match="log1m"):
            from_line("k=tag(log,log1m,interval(0.9,0.99))")


class TestWritten:
    @given(jsonlike)
    def test_is_read_back_as_the_same_value(self, value: Any) -> None:
        one = dimension(from_line(f"k=choice({written([value])})"))
        assert isinstance(one, Choice)
        assert identical(list(one.values), [[value]])
        two = dimension(from_yaml({"k": ["another", [value]]}))
        assert isinstance(two, Choice)
        assert identical(list(two.values), ["another", [value]])

    @pytest.mark.parametrize(
        "value",
        [
            "True",
            "Null",
            "nan",
            "inf",
            "a\nb",
            "a\tb",
            "C:\\data",
            "ends in \\",
            'a"b',
            "größe",
        ],
    )
    def test_of_awkward_texts(self, value: str) -> None:
        found = dimension(from_yaml({"k": [value]}))
        assert isinstance(found, Choice)
        assert identical(list(found.values), [value])

    @pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
    def test_of_numbers_that_are_none(self, value: float) -> None:
        found = dimension(from_line(f"k=choice({written([value])})"))
        assert isinstance(found, Choice)
        assert str(list(found.values)) == str([[value]])


def distinct(values: list[Any]) -> tuple[Any, ...]:
    """Each value once; a list and its own JSON text count as one (see the refusals)."""
    found: dict[str, Any] = {}
    for value in values:
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        found.setdefault(text, value)
    return tuple(found.values())


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
            told = "null" if isinstance(first, dict | list) else json.dumps(first)
            only = Expression.parse(f'{one.key} != {told} {word} {two.key} != "b"', "when")
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

    def test_decimals_are_those_that_were_meant(self) -> None:
        values = list(dimension(from_line("k=range(0.1,0.8,0.1)")).enumerate())
        assert values == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]

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
