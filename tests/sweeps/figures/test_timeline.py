"""The timeline: an epoch is drawn when and where it was trained; slots do not overlap."""

from __future__ import annotations

import pytest

from sweeps.figures.drawing.marks import marks_of
from sweeps.figures.timeline import Clock, lanes_of, stretches_of, timeline
from sweeps.findings.finding import Findings
from sweeps.trials import Moment, TrialRecord
from tests.sweeps.figures.recorded import NASTY, of_trial, points_of, root, sweep_of, texts, trial


def timed(number: int, ends: list[float], machine: str = "atlas", **rest: object) -> TrialRecord:
    """A trial whose epochs took a second each and ended then."""
    moments = {epoch: Moment(1e9 + at, "me", machine) for epoch, at in enumerate(ends, 1)}
    return trial(number, [0.5] * len(ends), moments=moments, **rest)


def test_stretches_end_where_a_trial_waits_or_moves() -> None:
    one = timed(0, [1, 2, 3, 60, 61])
    assert [(s.begin - 1e9, s.end - 1e9) for s in stretches_of(one)] == [(0, 3), (59, 61)]
    moved = trial(0, [0.5, 0.5], moments={1: Moment(1, "a", "x"), 2: Moment(2, "a", "y")})
    assert [s.machine for s in stretches_of(moved)] == ["x", "y"]


def test_slots_do_not_overlap() -> None:
    trials = [timed(0, [1, 2, 3]), timed(1, [2, 3]), timed(2, [4, 5]), timed(3, [1], "rhea")]
    lanes = lanes_of([s for one in trials for s in stretches_of(one)])
    assert [[s.trial.number for s in lane] for lane in lanes] == [[0, 2], [1], [3]]


def test_a_bar_lies_at_its_time() -> None:
    sweep = sweep_of([timed(0, list(range(1, 61))), timed(1, [81, 82])])
    figure = timeline(sweep, Findings(()), marks_of(sweep))
    assert figure is not None
    image = root(figure)
    (bar,) = of_trial(image, "0001")
    left, right = points_of(bar)[0][0], points_of(bar)[1][0]
    width = 700 - 150
    assert left == pytest.approx(150 + width * 80 / 82, abs=0.3)
    assert right == pytest.approx(700, abs=0.8)
    assert figure.sentence.startswith(
        "2 trials on 1 slot of 1 machine in 1:22 from the first epoch to the last; "
        "training took 76%"
    )
    assert figure.rows == [("atlas", "me", "1", "2", "1:02", "76%")]
    assert "0:50" in texts(image)


def test_trials_without_times_are_counted() -> None:
    sweep = sweep_of([timed(0, [1]), trial(1, [0.5])])
    figure = timeline(sweep, Findings(()), marks_of(sweep))
    assert figure is not None
    assert "Left out, without times on record: 1 trial." in figure.sentence
    old = sweep_of([trial(0, [0.5])])
    assert timeline(old, Findings(()), marks_of(old)) is None


@pytest.mark.parametrize("length", [0.5, 3, 59, 60, 3600, 86400, 40 * 86400, 2e7])
def test_a_clock_has_few_round_ticks(length: float) -> None:
    assert 1 <= len(Clock(length).ticks(9)) <= 10


def test_many_machines_with_nasty_names() -> None:
    names = [*NASTY, *(f"machine {n}" for n in range(200))]
    sweep = sweep_of([timed(n, [1, 2], name) for n, name in enumerate(names)])
    figure = timeline(sweep, Findings(()), marks_of(sweep))
    assert figure is not None
    root(figure)
    assert "The first 80 slots are drawn" in figure.sentence
