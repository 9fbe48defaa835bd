"""The grammar of spaces in YAML and on the command line, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from sweeps.space.dimensions import Choice, Dimension, Interval
from tests.sweeps.space.spaces import dimension, from_line, from_yaml, identical
from trainers.errors import ConfigError


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
            parsed = dimension(space)
            assert parsed == expected
            if isinstance(parsed, Choice) and isinstance(expected, Choice):
                assert identical(list(parsed.values), list(expected.values))
            if isinstance(parsed, Interval) and isinstance(expected, Interval):
                assert parsed.integer == expected.integer
                assert identical(list(parsed.examples()), list(expected.examples()))

    @pytest.mark.parametrize(
        "values",
        [
            [1, "a", None, 2.5, [1, 2]],
            ["a"],
            [{"a": None}, "a b", True],
        ],
    )
    def test_a_yaml_list_is_a_choice(self, values: list[Any]) -> None:
        parsed = dimension(from_yaml({"k": values}))
        assert isinstance(parsed, Choice)
        assert identical(list(parsed.values), values)

    def test_groups_come_first_and_are_known_by_name(self) -> None:
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


class TestRefusals:
    @pytest.mark.parametrize(
        ("entry", "words"),
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
    def test_in_either_place(self, entry: str, words: list[str]) -> None:
        key, _, text = entry.partition("=")
        for in_yaml in (False, True):
            with pytest.raises(ConfigError) as refusal:
                from_yaml({key: text}) if in_yaml else from_line(entry)
            message = str(refusal.value)
            assert [word for word in words if word not in message] == [], message
            assert len(message.splitlines()) <= 2

    @pytest.mark.parametrize(
        ("value", "message"),
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
    def test_in_yaml(self, value: Any, message: str | None) -> None:
        if message is None:
            assert dimension(from_yaml({"k": value})) == Choice(([],))
            return
        with pytest.raises(ConfigError, match=message) as refusal:
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
