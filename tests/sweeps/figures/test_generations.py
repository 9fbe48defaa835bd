"""Generations: a child stands in the lane of the one that gave way, and the best has a lineage."""

from __future__ import annotations

import pytest

from sweeps.figures.drawing.marks import marks_of
from sweeps.figures.generations import generations
from sweeps.findings.finding import Findings
from sweeps.trials import Source, State
from tests.sweeps.figures.recorded import of_trial, points_of, root, sweep_of, ticks_at, trial

DECISION = {"epoch": 2, "first": 3, "exploits": [["0001", "0002"]], "survivors": ["0000", "0002"]}


def test_lanes_and_lineage() -> None:
    trials = [
        trial(0, [0.1, 0.2, 0.3, 0.4], params={"lr": 1}),
        trial(1, [0.1, 0.1], params={"lr": 2}, state=State.STOPPED),
        trial(2, [0.1, 0.3, 0.4, 0.5], params={"lr": 3}),
        trial(3, [0.1, 0.3, 0.7, 0.8], params={"lr": 4}, source=Source("0002", 2)),
    ]
    sweep = sweep_of(trials, attributes={"generation:0": DECISION})
    figure = generations(sweep, Findings(()), marks_of(sweep))
    assert figure is not None
    image = root(figure)
    across = ticks_at(image)
    parent, child = (points_of(of_trial(image, name)[0]) for name in ("0001", "0003"))
    assert child[0][1] == parent[0][1], "one lane"
    assert child[0][0] == pytest.approx(across[2] + 1, abs=0.2)
    assert parent[1][0] == pytest.approx(across[2] - 1, abs=0.2)
    assert len([e for e in image.iter() if e.get("class") == "lineage"]) == 1
    assert figure.rows == [("2", "0001", "0002", "0003", "lr 3 -> 4")]
    assert "0003 from 0002" in figure.sentence
    assert "A population of 3" in figure.sentence


def test_a_child_that_a_kill_has_prevented_is_not_drawn() -> None:
    sweep = sweep_of([trial(0, [0.1]), trial(1, [0.2])], attributes={"generation:0": DECISION})
    figure = generations(sweep, Findings(()), marks_of(sweep))
    assert figure is not None
    assert len(figure.rows) == 0
    root(figure)
    plain = sweep_of([trial(0, [0.1])])
    assert generations(plain, Findings(()), marks_of(plain)) is None
