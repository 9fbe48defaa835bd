"""What is read directly is what OmegaConf makes of it; the rest is left to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Optional, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from trainers.config.dataclass_from_dict import Doubtful, read


class Colour(Enum):
    red = "r"
    blue = "b"


@dataclass
class Inner:
    share: Optional[float] = 0.5  # noqa: UP045  OmegaConf on Python 3.10
    colour: Colour = Colour.red


@dataclass
class Outer:
    count: int = 1
    on: bool = True
    rate: float = 0.1
    name: str = "a"
    limit: Optional[int] = None  # noqa: UP045
    cards: Optional[Union[int, float, str]] = None  # noqa: UP007, UP045
    inner: Inner = field(default_factory=Inner)
    group: dict[str, Any] = field(default_factory=dict)


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "x", "1", "1e-3", "true", "null", "${count}", "a\\${b}", "???", "red"])
)
VALUES = st.recursive(
    LEAVES,
    lambda below: (
        st.lists(below, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "b.c"]) | st.integers(0, 1), below, max_size=2)
    ),
    max_leaves=4,
)
GOOD: dict[str, Any] = {
    "count": 2,
    "on": False,
    "rate": 1,
    "name": "b",
    "limit": 3,
    "cards": "auto",
    "inner": {"share": None, "colour": "blue"},
    "group": {"_target_": "x.Y", "sizes": [1, 2.5, None], "deep": {"on": True}},
}


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), VALUES, max_size=3), st.data())
def test_is_what_omegaconf_makes_of_it(changes: dict[str, Any], data: st.DataObject) -> None:
    values = {**GOOD, **changes}
    if data.draw(st.booleans()):
        values["inner"] = {"share": data.draw(LEAVES), "colour": data.draw(LEAVES)}
    try:
        found = read(Outer, values)
    except Doubtful:
        return
    try:
        expected = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Outer), values))
    except OmegaConfBaseException as error:
        pytest.fail(f"OmegaConf refuses {values}: {error}")
    assert repr(found) == repr(expected)


def test_what_is_as_declared_is_read() -> None:
    found = read(Outer, GOOD)
    assert found == Outer(2, False, 1.0, "b", 3, "auto", Inner(None, Colour.blue), GOOD["group"])
    assert type(found.rate) is float


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("count", True),
        ("count", 1.0),
        ("count", "1"),
        ("on", 1),
        ("name", None),
        ("name", "${count}"),
        ("cards", True),
        ("cards", "${count}"),
        ("inner", {"share": 0.1}),
        ("inner", {"share": 0.1, "colour": "green"}),
        ("inner", {"share": 0.1, "colour": "red", "more": 1}),
        ("group", {"a": "???"}),
        ("group", {"a": [{1: 2}]}),
        ("group", {"a": object()}),
        ("group", None),
    ],
)
def test_what_is_not_is_left(key: str, value: object) -> None:
    with pytest.raises(Doubtful):
        read(Outer, {**GOOD, key: value})
