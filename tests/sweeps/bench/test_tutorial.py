"""The options of the bench, and when one side had reached the other; both are run by hand."""

from __future__ import annotations

import math

import pytest

from sweeps.bench.tutorial import SEEDS, Ran, _options, main
from tests.sweeps.bench.refused import refusal


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("seed=3", "seed: this bench takes seeds=3 and data.root=…"),
        ("seeds=0", "seeds=0 must be a whole number of 1 or more: seeds=3"),
        ("seeds=three", "seeds=three must be a whole number of 1 or more: seeds=3"),
    ],
)
def test_refuses_a_bad_option(
    word: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refusal(main, monkeypatch, capsys, word) == message


def test_takes_its_options_and_else_the_defaults() -> None:
    assert _options([]) == (SEEDS, [])
    assert _options(["data.root=data/a=b", "seeds=1"]) == (1, ["data.root=data/a=b"])


def test_a_goal_is_reached_by_the_first_trial_as_good() -> None:
    ran = Ran(9.0, 0.8, 0.79, 3, ((2.0, 0.5), (5.0, 0.8), (8.0, 0.8)))
    assert ran.reached(0.5) == 2.0
    assert ran.reached(0.6) == 5.0
    assert ran.reached(0.81) == math.inf
