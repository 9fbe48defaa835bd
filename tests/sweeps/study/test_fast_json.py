"""Whatever Python writes as JSON is read as Python reads it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.study.fast_json import parsed

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.lists(VALUES, max_size=5))
def test_as_python_reads_it(values: list[object]) -> None:
    texts = [json.dumps(value) for value in values]
    found = parsed(text.encode() for text in texts)
    assert repr(found) == repr([json.loads(text) for text in texts])  # a NaN equals nothing


@pytest.mark.parametrize("texts", [(b"{",), (b"1 2",), (b"\xff",), (b"[1", b"2]", b"}")])
def test_what_is_no_json_is_refused(texts: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  of whatever kind
        parsed(texts)
