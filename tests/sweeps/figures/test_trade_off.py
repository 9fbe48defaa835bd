"""The trade-off: points at their two values, the front joined by steps."""

from __future__ import annotations

import math

import pytest

from sweeps.figures.drawing.marks import marks_of
from sweeps.figures.figure import Figure
from sweeps.figures.trade_off import trade_off
from sweeps.findings.finding import Findings
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.trials import Objective, State, TrialRecord
from tests.sweeps.figures.recorded import of_trial, points_of, root, sweep_of, ticks_at


def trial(number: int, score: float, latency: float) -> TrialRecord:
    metrics = {"score": score, "latency": latency}
    return TrialRecord(f"{number:04d}", number, State.COMPLETE, epochs={1: metrics})


def drawn(sweep: RecordedSweep) -> Figure | None:
    return trade_off(sweep, Findings(()), marks_of(sweep))


TWO = (Objective("latency", False),)
TRIALS = [trial(0, 0.2, 1), trial(1, 0.8, 3), trial(2, 0.6, 2), trial(3, 0.4, 4)]


def test_points_and_front() -> None:
    figure = drawn(sweep_of(TRIALS, further=TWO))
    assert figure is not None
    image = root(figure)
    across, up = ticks_at(image), ticks_at(image, across=False)
    (dot,) = of_trial(image, "0002")
    assert float(dot.attrib["cx"]) == pytest.approx(across[2], abs=0.2)
    assert float(dot.attrib["cy"]) == pytest.approx(up[0.6], abs=0.2)
    (envelope,) = (e for e in image.iter() if e.get("class") == "envelope")
    steps = points_of(envelope)
    assert steps[1] == pytest.approx((across[2], up[0.2]), abs=0.4), "no more is had before 2"
    assert [row[0] for row in figure.rows] == ["0001", "0002", "0000"]
    assert "none beats 3 of them in both" in figure.sentence


def test_three_objectives_are_not_joined_and_missing_values_are_counted() -> None:
    three = (*TWO, Objective("loss", False))
    figure = drawn(sweep_of([*TRIALS, trial(4, 0.9, math.nan)], further=three))
    assert figure is not None
    assert 'class="envelope"' not in figure.svg
    assert "Left out, without both values: 1 trial." in figure.sentence
    assert figure.columns == ("trial", "score", "latency", "loss")


def test_one_objective_or_one_trial() -> None:
    assert drawn(sweep_of(TRIALS)) is None
    assert drawn(sweep_of([], further=TWO)) is None
    figure = drawn(sweep_of(TRIALS[:1], further=TWO))
    assert figure is not None
    root(figure)
