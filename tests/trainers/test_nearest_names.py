"""Hints for misspelt names: the nearest known one, else the names there are."""

from __future__ import annotations

import pytest

from trainers.nearest_names import nearest, nearest_or_all, unknown


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("adma", ["adam", "sgd"], "k=adma: there is no such choice; did you mean adam?"),
        ("zzzz", ["adam", "sgd"], "k=zzzz: there is no such choice (choices: adam, sgd)"),
        ("zzzz", [], "k=zzzz: there is no such choice"),
        ("zzzz", [f"name{i}" for i in range(13)], "k=zzzz: there is no such choice"),
    ],
)
def test_names_the_nearest_or_lists_a_few(word: str, known: list[str], expected: str) -> None:
    assert unknown("choice", f"k={word}", word, known) == expected


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("momentun", ["lr", "momentum"], "did you mean 'momentum'?"),
        ("zzzz", ["lr", "betas", "_private"], "there is betas, lr"),
        ("zzzz", ["_private"], "there is none"),
        ("_privat", ["_private"], "there is none"),
    ],
)
def test_hints_at_public_names_only(name: str, known: list[str], expected: str) -> None:
    assert nearest_or_all(name, known) == expected


def test_nothing_is_near_where_nothing_is_alike() -> None:
    assert nearest("zzzz", ["adam"]) is None
    assert nearest("zzzz", []) is None
    assert nearest("adma", ["adam", "adamw"]) == "adam"
