"""All figures of a sweep: those that there is something for, each with its own id."""

from __future__ import annotations

from sweeps.figures.all_figures import all_figures
from sweeps.findings.finding import Findings
from tests.sweeps.figures.recorded import root, sweep_of, trial


def test_a_sweep_without_trials_has_none() -> None:
    assert all_figures(sweep_of([]), Findings(())) == []


def test_each_has_its_own_id() -> None:
    figures = all_figures(sweep_of([trial(n, [0.1 * n, 0.2]) for n in range(4)]), Findings(()))
    assert figures[0].id == "curves"
    assert len({figure.id for figure in figures}) == len(figures)
    for figure in figures:
        root(figure)
