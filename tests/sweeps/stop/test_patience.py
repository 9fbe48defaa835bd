"""The rules that look at a trial's own curve, worked by hand."""

from __future__ import annotations

import math

import pytest

from sweeps.stop import Patience, Target
from trainers.errors import ConfigError

NAN, INF = math.nan, math.inf


def curve(*values: float) -> dict[int, dict[str, float]]:
    """Of trial 0000, beside one that is better everywhere."""
    return {e: {"0000": v, "0001": 99.0} for e, v in enumerate(values, 1)}


def stopped_at(rule: Patience | Target, *values: float) -> int | None:
    """The first epoch after which the rule stops a trial with these values."""
    told = curve(*values)
    return next((e for e in told if rule.judge("0000", e, told) is not None), None)


class TestPatience:
    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ((1, 2, 3, 4, 5, 6), None),
            ((1, 2, 2, 2, 2), 4),  # an equal is no better
            ((3, 2, 1), 3),
            ((3, 2, 4, 3, 3), 5),
            ((1,), None),
            ((NAN, NAN, NAN), 3),
            ((NAN, NAN, 0.1, NAN, 0.2), None),
            ((0.1, NAN, NAN), 3),
            ((-INF, -1.0, NAN, 0.0), None),
            ((INF, INF, INF), 3),
            ((INF, 1.0, 2.0), 3),
        ],
    )
    def test_two_epochs(self, values: tuple[float, ...], expected: int | None) -> None:
        assert stopped_at(Patience(2, 0.0), *values) == expected

    def test_small_steps_are_better_once_they_add_up(self) -> None:
        assert stopped_at(Patience(2, 0.5), 0.0, 0.3, 0.6, 0.9, 1.2, 1.5) is None
        assert stopped_at(Patience(2, 0.5), 0.0, 0.2, 0.4, 0.6) == 3
        assert stopped_at(Patience(1, 0.5), 0.0, 0.5) == 2  # must be more than that

    def test_tells_why(self) -> None:
        told = curve(0.1, 0.5, 0.2, 0.3)
        why = Patience(2, 0.0).judge("0000", 4, told)
        assert why == "patience: no better in 2 epochs than at epoch 2"
        why = Patience(2, 0.01).judge("0000", 4, told)
        assert why == "patience: no better by more than 0.01 in 2 epochs than at epoch 2"

    @pytest.mark.parametrize(("patience", "delta"), [(0, 0.0), (3, -0.1), (3, INF), (3, NAN)])
    def test_refuses(self, patience: int, delta: float) -> None:
        with pytest.raises(ConfigError, match=rf"min_delta >= 0, not {patience} and {delta:g}"):
            Patience(patience, delta)


class TestTarget:
    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ((0.1, 0.89), None),
            ((0.1, 0.9), 2),
            ((0.1, 0.95, 0.2), 2),
            ((NAN, NAN), None),
            ((NAN, 0.9), 2),
            ((-INF, INF), 2),
        ],
    )
    def test_of_accuracy(self, values: tuple[float, ...], expected: int | None) -> None:
        assert stopped_at(Target(0.9, "max"), *values) == expected

    def test_of_a_loss(self) -> None:
        assert stopped_at(Target(0.2, "min"), -0.5, -0.3, -0.2, -0.1) == 3
        assert stopped_at(Target(0.2, "min"), -0.5, NAN) is None

    def test_stays_reached_and_tells_so(self) -> None:
        assert Target(0.9, "max").judge("0000", 2, curve(0.9, 0.1)) == "target: 0.9 is reached"

    @pytest.mark.parametrize(
        ("value", "mode", "rule"),
        [(NAN, "max", "a number to be reached"), (INF, "min", "number"), (0.9, "up", "max or min")],
    )
    def test_refuses(self, value: float, mode: str, rule: str) -> None:
        with pytest.raises(ConfigError, match=rule):
            Target(value, mode)
