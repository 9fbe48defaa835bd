"""YAML of any kind is loaded or refused, and ends no process."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from trainers.files.yaml_text import load_yaml

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(PLAIN)
def test_what_was_written_is_read(content: Any) -> None:
    text = yaml.safe_dump(content)
    assert load_yaml(text) == yaml.safe_load(text) == content


@pytest.mark.parametrize("level", ["[", "{a: ", "- ", "? ", "[{b: ", "-\t- "])
def test_what_is_nested_without_end_is_refused(level: str) -> None:
    """The parser in C ended the process."""
    with pytest.raises(yaml.YAMLError):
        load_yaml("key: " * (level[0] != "-") + level * 100_000)


def test_many_marks_are_no_levels() -> None:
    assert load_yaml(yaml.safe_dump({"diff": "-[{?" * 5000, "a": [-1] * 3000}))["a"] == [-1] * 3000


def test_code_is_not_loaded() -> None:
    with pytest.raises(yaml.YAMLError):
        load_yaml("!!python/object/apply:os.getcwd []")
