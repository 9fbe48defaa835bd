"""A trial is marked by its state, its rank, and whether it is the best or the baseline."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest

from sweeps.figures.drawing.marks import MOST_DRAWN, counted, described, marks_of, slug
from sweeps.trials import Source, State
from tests.sweeps.figures.recorded import NASTY, sweep_of, trial


def test_ranks_states_and_who_is_best() -> None:
    trials = [
        trial(n, [n / 10], state=State.STOPPED if n % 2 else State.COMPLETE) for n in range(20)
    ]
    marks = marks_of(sweep_of(trials))
    assert (marks.best, marks.baseline) == ("0019", "0000")
    assert marks.attributes(trials[19]) == ' class="t stopped v9 best" data-t="0019"'
    assert marks.attributes(trials[0]) == ' class="t complete v0 baseline" data-t="0000"'
    lower = marks_of(sweep_of(trials, maximize=False), "b/")
    assert lower.best == "0000"
    assert lower.attributes(trials[19]) == ' class="t stopped v0" data-t="b/0019"'


def test_only_trials_with_a_result_have_a_rank() -> None:
    trials = [
        trial(0, [0.5]),
        trial(1, [math.nan]),
        trial(2, [0.9], state=State.FAILED),
        trial(3, [0.7], state=State.RUNNING),
        trial(4, state=State.INFEASIBLE),
        trial(5, [math.inf]),
        trial(6, [0.9], source=Source("0000", seed=4)),
    ]
    marks = marks_of(sweep_of(trials))
    assert marks.scored.keys() == {"0000", "0003"}
    assert marks.attributes(trials[4]) == ' class="t infeasible" data-t="0004"'
    assert marks.unscored == 3
    assert len(marks.drawn) == 6
    assert marks_of(sweep_of([])).best == ""


def test_of_many_the_best_and_some_of_the_rest_are_drawn() -> None:
    trials = [trial(n, [-abs(n - 3000)]) for n in range(4000)]
    marks = marks_of(sweep_of(trials))
    assert len(marks.drawn) == MOST_DRAWN
    drawn = {one.number for one in marks.drawn}
    assert drawn >= {0, *range(2760, 3240)}
    assert len([n for n in drawn if n < 2000]) > 150
    assert "Of 4,000 trials 1,000 are drawn" in marks.thinned
    assert marks_of(sweep_of(trials[:10])).thinned == ""


@pytest.mark.parametrize("name", NASTY)
def test_a_dot_is_xml(name: str) -> None:
    one = trial(0, [0.5], reason=name, params={"a": name})
    marks = marks_of(sweep_of([one]), name)
    assert ElementTree.fromstring(marks.dot(one, 3.21, 4, name)).attrib["cx"] == "3.2"


def test_parameters_in_a_line() -> None:
    one = trial(0, params={"optimizer.lr": 3e-4, "model.depth": 2})
    assert described(one, ["model.depth", "optimizer.lr", "x"]) == "depth 2, lr 3.0e-04"


def test_counts_and_ids() -> None:
    assert [counted(n, "trial") for n in (0, 1, 2000)] == ["0 trials", "1 trial", "2,000 trials"]
    names = ["optimizer.lr", "optimizer-lr", "Optimizer.lr", "", "a" * 300, "a" * 301, *NASTY]
    ids = {slug(name) for name in names}
    assert slug("optimizer.lr") == "optimizer-lr"
    assert len(ids) == len(set(names))
    assert all(len(one) < 50 and one.replace("-", "").isalnum() for one in ids)
