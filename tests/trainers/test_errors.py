"""What is told of an error that somebody else raised, and of a checkpoint or loss gone wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainers.errors import (
    MOST_CHARACTERS,
    ConfigError,
    CorruptCheckpoint,
    DataError,
    Diverged,
    class_and_first_line,
    first_line,
)


@pytest.mark.parametrize(
    ("message", "line", "with_class"),
    [
        ("the reason", "the reason", "ValueError: the reason"),
        ("\n  the reason \nand a table", "the reason", "ValueError: the reason"),
        ("", "ValueError", "ValueError"),
        (" \n ", "ValueError", "ValueError"),
    ],
)
def test_the_first_line_of_an_error(message: str, line: str, with_class: str) -> None:
    error = ValueError(message)
    assert first_line(error) == line
    assert class_and_first_line(error) == with_class


def test_a_long_line_is_cut_unless_all_of_it_is_wanted() -> None:
    error = ValueError("x" * 1000)
    assert first_line(error) == "x" * MOST_CHARACTERS
    assert first_line(error, most=None) == "x" * 1000


def test_errors_tell_where_and_why() -> None:
    assert str(CorruptCheckpoint(Path("a/epoch_003"), "torn")) == "a/epoch_003: torn"
    assert str(Diverged(3, "training loss is nan")) == "diverged in epoch 3: training loss is nan"


def test_whoever_refuses_configurations_refuses_their_data_too() -> None:
    assert issubclass(DataError, ConfigError)
