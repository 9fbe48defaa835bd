"""Failures: a dot a trial, a row a reason, reasons that differ in numbers alone together."""

from __future__ import annotations

import pytest

from sweeps.figures.drawing.marks import marks_of
from sweeps.figures.failures import alike, failures
from sweeps.findings.finding import Findings
from sweeps.trials import State
from tests.sweeps.figures.recorded import NASTY, of_trial, root, sweep_of, texts, trial


def test_rows_by_reason() -> None:
    memory = [
        trial(n, [0.1], state=State.FAILED, reason=f"out of memory: {n}.5 GB", seconds=30.0)
        for n in range(1, 4)
    ]
    other = trial(4, state=State.INFEASIBLE, reason="max_parameters")
    sweep = sweep_of([trial(0, [0.5]), *memory, other])
    figure = failures(sweep, Findings(()), marks_of(sweep))
    assert figure is not None
    image = root(figure)
    heights = [of_trial(image, one.id)[0].attrib["cy"] for one in memory]
    assert len(set(heights)) == 1
    assert float(of_trial(image, "0004")[0].attrib["cy"]) > float(heights[0])
    assert "failed: out of memory: 1.5 GB" in texts(image)
    assert figure.rows[0] == ("failed", "out of memory: 1.5 GB", "3", "1:30", "0001")
    assert figure.sentence.startswith("4 of 5 trials came to nothing, for 2 reasons; 1:30 of")
    assert "Never begun, as they could not run as asked: 1." in figure.sentence


@pytest.mark.parametrize(
    ("a", "b"), [("loss 1e-3 at epoch 2", "loss 3.5 at epoch 17"), ("trial 0001", "trial 0002")]
)
def test_reasons_that_are_alike(a: str, b: str) -> None:
    assert alike(a) == alike(b)
    assert alike("out of memory") != alike("lost its process")


def test_none_all_and_nasty() -> None:
    sweep = sweep_of([trial(0, [0.5])])
    assert failures(sweep, Findings(()), marks_of(sweep)) is None
    trials = [trial(n, state=State.FAILED, reason=NASTY[n % 6] * (1 + n % 40)) for n in range(3000)]
    sweep = sweep_of(trials)
    figure = failures(sweep, Findings(()), marks_of(sweep))
    assert figure is not None
    root(figure)
    assert len(figure.rows) == 15
