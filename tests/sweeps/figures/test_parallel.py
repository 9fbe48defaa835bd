"""Parallel coordinates: a line goes through its values, and below where it has none."""

from __future__ import annotations

import pytest

from sweeps.figures.drawing.marks import marks_of
from sweeps.figures.figure import Figure
from sweeps.figures.parallel import parallel
from sweeps.findings.finding import Findings, Importance
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.space.dimensions import Choice, Dimension, Interval
from tests.sweeps.figures.recorded import NASTY, of_trial, points_of, root, sweep_of, texts, trial

SPACE: dict[str, Dimension] = {"x": Interval(0, 1), "norm": Choice(("a", "b"))}


def drawn(sweep: RecordedSweep, findings: Findings | None = None) -> Figure | None:
    return parallel(sweep, findings or Findings(()), marks_of(sweep))


def test_a_line_goes_through_its_values() -> None:
    trials = [trial(n, [n / 2], params={"x": n / 2, "norm": "ab"[n % 2]}) for n in range(3)]
    figure = drawn(sweep_of(trials, SPACE))
    assert figure is not None
    image = root(figure)
    low, middle, high = (points_of(of_trial(image, one.id)[0]) for one in trials)
    assert [x for x, _ in low] == pytest.approx([44, 356, 668])
    assert low[0][1] > middle[0][1] > high[0][1], "more is higher"
    assert middle[0][1] == pytest.approx((low[0][1] + high[0][1]) / 2, abs=0.2)
    assert low[2][1] > middle[2][1] > high[2][1]
    assert {"x", "norm", "score", "a", "b"} <= set(texts(image))
    assert figure.rows[0] == ("0002", "1.0", "a", "1.0000")


def test_a_line_without_a_key_passes_below() -> None:
    trials = [trial(n, [n], params={"x": n / 4}) for n in range(4)]
    trials += [trial(n, [n], params={"x": 0.1, "norm": "ab"[n % 2]}) for n in (4, 5)]
    figure = drawn(sweep_of(trials, SPACE))
    assert figure is not None
    assert points_of(of_trial(root(figure), "0001")[0])[1][1] == pytest.approx(346)
    assert "Lines below the axes have no such key" in figure.sentence


def test_the_most_important_of_many_are_shown() -> None:
    space = {f"k{n}": Interval(0, 1) for n in range(20)}
    trials = [trial(n, [n], params=dict.fromkeys(space, n / 5)) for n in range(5)]
    findings = Findings((), importances=(Importance("k19", {"fanova": 1.0}),))
    figure = drawn(sweep_of(trials, space), findings)
    assert figure is not None
    assert figure.columns[1] == "k19"
    assert len(figure.columns) == 10
    assert "8 of 20 keys are shown" in figure.sentence


def test_one_key_or_one_trial_needs_no_parallel_axes() -> None:
    assert drawn(sweep_of([trial(0, [1], params={"x": 1})], SPACE)) is None
    trials = [trial(n, [n], params={"x": n}) for n in range(3)]
    assert drawn(sweep_of(trials, {"x": Interval(0, 9)})) is None


def test_nasty_names() -> None:
    space = {name: Choice(NASTY) for name in NASTY}
    trials = [
        trial(n, [n], params={k: NASTY[(n + i) % 6] for i, k in enumerate(NASTY)}) for n in range(6)
    ]
    figure = drawn(sweep_of(trials, space))
    assert figure is not None
    root(figure)
