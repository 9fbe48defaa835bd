"""All figures of a sweep: those that there is something for, each with its own id."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.figures.all_figures import all_figures
from sweeps.findings.finding import Findings
from sweeps.space.dimensions import Choice, Interval
from sweeps.trials import Moment, Objective, State
from tests.sweeps.figures.recorded import NASTY, root, sweep_of, trial


def test_a_sweep_without_trials_has_none() -> None:
    assert all_figures(sweep_of([]), Findings(())) == []


def test_each_has_its_own_id() -> None:
    figures = all_figures(sweep_of([trial(n, [0.1 * n, 0.2]) for n in range(4)]), Findings(()))
    assert figures[0].id == "curves"
    assert len({figure.id for figure in figures}) == len(figures)
    for figure in figures:
        root(figure)


VALUES = st.one_of(
    st.floats(),
    st.sampled_from([0.0, 0.5, 1.0, 1e-300, 1e300, math.nan, math.inf, -math.inf]),
)
PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "optimizer.lr": st.floats(1e-6, 10) | st.sampled_from([0.0, -1.0, 1, "auto", None]),
        "momentum": st.floats(0, 1),
        "width": st.integers(1, 10**6),
        "norm": st.sampled_from([*NASTY, True, None, 1, [1, 2], {"a": 1}]),
        "seed": st.integers(0, 3),
    },
)
SPACE = {
    "optimizer.lr": Interval(1e-4, 1e-1, log=True),
    "momentum": Interval(0.5, 0.99, log1m=True),
    "width": Interval(32, 256, integer=True),
    "norm": Choice(("batch", "layer")),
}


@given(
    st.lists(
        st.tuples(st.lists(VALUES, max_size=6), PARAMS, st.sampled_from(list(State))), max_size=25
    ),
    st.booleans(),
    st.sampled_from(NASTY),
)
@settings(max_examples=60, deadline=None)
def test_whatever_is_on_record_is_drawn_as_xml(
    trials: list[tuple[list[float], dict[str, Any], State]], maximize: bool, name: str
) -> None:
    records = [
        trial(n, values, params=params, state=state, reason=name, moments=moments(len(values)))
        for n, (values, params, state) in enumerate(trials)
    ]
    further = (Objective("epoch_s", False),)
    sweep = sweep_of(records, SPACE, maximize, further, stop={"grace": 1, "factor": 2})
    figures = all_figures(sweep, Findings(()), prefix=name)
    assert len({figure.id for figure in figures}) == len(figures)
    for figure in figures:
        root(figure)
        assert "nan" not in figure.sentence.replace(name, "")


def moments(epochs: int) -> dict[int, Moment]:
    return {epoch: Moment(1e9 + 2 * epoch, "me", "atlas") for epoch in range(1, epochs + 1)}
