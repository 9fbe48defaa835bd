"""Expressions: what they mean is what Python means by them, and nothing else can be said."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.space.expressions import Expression
from trainers.errors import ConfigError


def parsed(text: str) -> Expression:
    return Expression.parse(text, "require")


VALUES: dict[str, Any] = {
    "model.width": 32,
    "model.widths": [512, 256],
    "model.widths.1": 256,
    "model.shape": None,
    "optimizer": "sgd",
    "optimizer.nesterov": True,
    "lr": 0.01,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model.width >= 64", False),
        ("16 < model.width <= 32", True),
        ("16 < model.width < 32", False),
        ("not model.width == 32", False),
        ("model.width * 2 + 1 == 65 and model.width // 5 == 6", True),
        ("-model.width < 0 or 1 / 0 > 1", True),
        ("model.width % 5 == 2 and 2 ** 5 == model.width", True),
        ("model.widths.1 < model.width * 10", True),
        ("model.widths[1] == 256 and 512 in model.widths", True),
        ("max(model.widths) == 512 and min(1, 2, lr) == lr", True),
        ("abs(-3) == 3 and log10(lr) <= -2", True),
        ('optimizer in ["adam", "sgd"]', True),
        ("optimizer not in ('adam', 'sgd')", False),
        ("optimizer == 'a.1'", False),
        ('"adam" < optimizer', True),
        ("model.shape == null and model.shape == None", True),
        ("optimizer.nesterov", True),
        ("optimizer.nesterov != true or False", False),
        ("20_000_000 > 1e7", True),
    ],
)
def test_means_what_it_says(text: str, expected: bool) -> None:
    assert parsed(text).holds(VALUES) is expected


numbers = st.integers(-50, 50) | st.floats(-50, 50).map(lambda x: round(x, 3))
terms = st.recursive(
    st.sampled_from(["a", "b.c", "d.e.f"]) | numbers.map(lambda n: f"({n})"),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%"]), inner).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        )
        | inner.map(lambda t: f"-{t}")
        | inner.map(lambda t: f"abs({t})")
        | st.tuples(inner, inner).map(lambda t: f"max({t[0]}, {t[1]})")
    ),
    max_leaves=6,
)
compared = st.tuples(terms, st.sampled_from(["<", "<=", "==", "!=", ">", ">="]), terms).map(
    " ".join
)
questions = st.recursive(
    compared,
    lambda inner: (
        st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map(
            lambda t: f"({t[0]}){t[1]}({t[2]})"
        )
        | inner.map(lambda t: f"not ({t})")
    ),
    max_leaves=4,
)


class _Node:
    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


@given(questions, numbers, numbers, numbers)
def test_agrees_with_python(text: str, a: float, b: float, c: float) -> None:
    names = {"a": a, "b": _Node(c=b), "d": _Node(e=_Node(f=c))}
    values = {"a": a, "b.c": b, "d.e.f": c}
    try:
        expected = eval(text, {"abs": abs, "max": max}, names)
    except ArithmeticError:
        with pytest.raises(ConfigError, match="no answer"):
            parsed(text).holds(values)
        return
    expression = parsed(text)
    assert set(expression.names) <= values.keys()
    assert expression.holds(values) is expected
    # With some or all of its names fixed it says the same.
    assert expression.bound({"a": a}).holds(values) is expected
    assert expression.bound(values).names == ()
    assert expression.bound(values).holds({}) is expected


@given(st.text(max_size=40) | st.text("ab.[]()<>=!'\"0123456789 +-*/%,", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    refused = ""
    try:
        expression = parsed(text)
        expression.holds(dict.fromkeys(expression.names, 3))
    except ConfigError as error:
        refused = str(error)
    assert not refused or text in refused


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


@given(scalars | st.lists(scalars, max_size=3))
def test_with_values_it_can_be_parsed(value: Any) -> None:
    expression = parsed("größe.x == y")
    text = expression.substituted({"größe.x": value, "y": value})
    assert parsed(text).holds({}) is True


def test_with_values_it_keeps_the_words_of_the_user() -> None:
    values = {"parameters": 25_000_000, "ä": "ö"}
    text = parsed("parameters <= 20_000_000 or ä  in ['ä', \"parameters\"]").substituted(values)
    assert text == '25000000 <= 20_000_000 or "ö"  in [\'ä\', "parameters"]'


def test_names_are_listed_once_in_their_order() -> None:
    assert parsed("b.c < a < b.c + x.1 and null != true").names == ("b.c", "a", "x.1")


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true') == 0",
        "eval('1') == 1",
        "open('x') == 1",
        "model.width.bit_length() > 3",
        "(lambda: 1)() == 1",
        "[x for x in model.widths] == 1",
        "{1: 2} == 1",
        "(x := 3) == 3",
        "a if b else c",
        "f'{a}' == 'x'",
        "a is None",
        "a == ...",
        "a == 1j",
        "a == b'x'",
        "a[b] == 1",
        "a[1:2] == 1",
        "a[-1] == 1",
        "a @ b == 1",
        "a << 2 == 1",
        "~a == 1",
        "min",
        "min == 3",
        "min() == 3",
        "max(a, key=b) == 3",
        "max(*a) == 3",
        "await a",
        "yield",
    ],
)
def test_nothing_else_is_allowed(text: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        parsed(text)
    assert text in str(refusal.value)
    assert len(str(refusal.value).splitlines()) <= 2


@pytest.mark.parametrize("text", ["", "a = 3", "a <", "(((", "a b", "a.01 == 1", "a; b", "\0"])
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(ConfigError, match="is not an expression"):
        parsed(text)


@pytest.mark.parametrize(
    "text", ["-" * 5000 + "1 < 2", "(" * 150 + "1" + ")" * 150 + " < 2", "1" * 9999 + " < 2"]
)
def test_nor_can_it_be_made_to_choke(text: str) -> None:
    with suppress(ConfigError):
        assert parsed(text).holds({}) in (True, False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a < 'x'", r"3 < 'x' has no answer \(\"x\" is not a number"),
        ("1 / (a - 3) > 1", "division by zero"),
        ("log10(a - 3) > 1", "math domain"),
        ("9 ** 9 ** 9 > 1", "range"),
        ("1e308 * 10 > 1", "too large"),
        ("a", "3 is neither true nor false"),
        ("a and b", "neither true nor false"),
        ("not a", "neither true nor false"),
        ("a in b", "is not a list"),
        ("'a' * 3 == 1", "not a number"),
        ("true + 1 == 2", "true is not a number"),
        ("abs(1, 2) == 1", "abs takes one number"),
        ("max([]) == 1", "empty"),
        ("none < 3", "null is not a number"),
    ],
)
def test_values_it_has_no_answer_for(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as refusal:
        parsed(text).holds({"a": 3, "b": 2, "none": None})
    assert f'require "{text}"' in str(refusal.value)
