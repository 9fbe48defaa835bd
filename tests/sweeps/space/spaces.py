"""Spaces for the tests of this folder, as a user writes them, and any values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import strategies as st

from sweeps.space.dimensions import Dimension
from sweeps.space.grammar import parse, parse_yaml
from sweeps.space.space import Space

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
