"""Values are written as Hydra's grammar has them, and read back the same."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from trainers.config.hydra_grammar import written


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (1e-5, "1e-05"),
        (0.123456789, "0.123456789"),
        ("adamw", "adamw"),
        ("a,b", '"a,b"'),
        ("/home/me/my-results/2024", "/home/me/my-results/2024"),
        ("/home/me/my results", '"/home/me/my results"'),
        ("null", '"null"'),
        ({"norm": None, "value": [True, 0.5]}, "{norm:null,value:[true,0.5]}"),
        ((0.9, 0.999), "[0.9,0.999]"),
    ],
)
def test_a_value_in_hydras_grammar_is_read_back(value: Any, text: str) -> None:
    assert written(value) == text
    override = OverridesParser.create().parse_override(f"key={text}")
    assert override.value() == (list(value) if isinstance(value, tuple) else value)


@given(st.text("aZ_/.-09 ,:{}$\\'\"", min_size=1))
def test_any_text_is_read_back(text: str) -> None:
    assert OverridesParser.create().parse_override(f"key={written(text)}").value() == text


def test_numbers_may_be_shortened_wherever_they_are() -> None:
    assert written({"lr": [0.123456, math.inf]}, lambda value: f"{value:.2g}") == "{lr:[0.12,inf]}"


def test_an_object_that_no_command_line_gives_is_shown_all_the_same() -> None:
    assert written([Path("a b")]) == '["a b"]'
