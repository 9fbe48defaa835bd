"""Made-up curves: repeatable, and like learning curves where it matters."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable
from dataclasses import replace

from sweeps.checked.sweep import Sweep
from sweeps.simulation import Curve, Generated

Checked = Callable[..., Sweep]


def drawn(sweep: Sweep, family: Generated, count: int = 200) -> list[Curve]:
    dice = random.Random(0)
    return [
        family.curve(
            {
                "optimizer": dice.choice(["adamw", "sgd"]),
                "optimizer.lr": 10 ** dice.uniform(-4, -1),
                "model.depth": dice.choice([1, 2, 3]),
            }
        )
        for _ in range(count)
    ]


def test_a_configuration_has_one_curve(sweep: Checked) -> None:
    one = sweep()
    family = Generated(one.space, 20, seed=5)
    same = Generated(one.space, 20, seed=5)
    assert drawn(one, family) == drawn(one, same)
    assert drawn(one, family) != drawn(one, replace(family, seed=6))


def test_curves_rise_cross_and_differ(sweep: Checked) -> None:
    one = sweep()
    for seed in range(5):
        curves = drawn(one, Generated(one.space, 27, seed))
        assert all(len(c.values) == len(c.seconds) == 27 for c in curves)
        assert all(0 <= value <= 1 for c in curves for value in c.values)
        assert all(s > 0 for c in curves for s in c.seconds)
        first, last = ([c.values[epoch] for c in curves] for epoch in (0, -1))
        assert statistics.fmean(last) > statistics.fmean(first) + 0.1
        assert statistics.pstdev(last) > 0.02, "configurations matter"
        agree = statistics.correlation(first, last)
        assert agree < 0.999, "an early look does not tell all"


def test_an_error_rate_falls(sweep: Checked) -> None:
    one = sweep()
    up = drawn(one, Generated(one.space, 9, 0, maximize=True))
    down = drawn(one, Generated(one.space, 9, 0, maximize=False))
    assert [[1 - v for v in c.values] for c in up] == [list(c.values) for c in down]


def test_says_that_nothing_was_trained(sweep: Checked) -> None:
    assert "synthetic" in Generated(sweep().space, 9).describe()[0]
