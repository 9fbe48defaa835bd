"""Bars are as long as the shares; the direction is that of better values."""

from __future__ import annotations

import pytest

from sweeps.figures.drawing.marks import marks_of
from sweeps.figures.importance import direction, importance
from sweeps.findings.finding import Findings, Importance
from sweeps.trials import State
from tests.sweeps.figures.recorded import NASTY, SVG, root, sweep_of, texts, ticks_at, trial

SWEEP = sweep_of([])


def test_bars_are_as_long_as_shares() -> None:
    found = (
        Importance("lr", {"ped_anova": 0.6, "fanova": 0.4}, 0.5, 1),
        Importance("norm", {"ped_anova": 0.2}, None, 2),
    )
    findings = Findings((), importances=found, importances_note="only 9 trials", forest_trust=0.25)
    figure = importance(SWEEP, findings, marks_of(SWEEP))
    assert figure is not None
    image = root(figure)
    across = ticks_at(image)
    bars = [e for e in image.iter(f"{SVG}rect") if e.find(f"{SVG}title") is not None]
    ends = [float(bar.attrib["x"]) + float(bar.attrib["width"]) for bar in bars]
    assert ends == pytest.approx([across[0.6], across[0.4], across[0.2], across[0]], abs=0.3)
    assert figure.rows[0] == ("1", "lr", "0.600", "0.400", "more is better (r +0.50)")
    assert "Careful: only 9 trials." in figure.sentence
    assert "R2 0.25" in figure.sentence
    assert {"PED-ANOVA", "fANOVA"} <= set(texts(image))


@pytest.mark.parametrize(
    ("correlation", "maximize", "told"),
    [
        (0.5, True, "more is better"),
        (0.5, False, "less is better"),
        (-0.5, False, "more is better"),
        (0.05, True, "no direction"),
        (None, True, "no order"),
    ],
)
def test_directions(correlation: float | None, maximize: bool, told: str) -> None:
    one = Importance("lr", {"fanova": 1.0}, correlation)
    assert direction(one, sweep_of([], maximize=maximize)).startswith(told)


def test_nothing_many_and_nasty() -> None:
    assert importance(SWEEP, Findings(()), marks_of(SWEEP)) is None
    names = [*NASTY, *(f"key {n}" for n in range(40))]
    many = tuple(Importance(name, {"fanova": 0.1, "<x>": 0.0}) for name in names)
    figure = importance(SWEEP, Findings((), importances=many), marks_of(SWEEP))
    assert figure is not None
    root(figure)
    assert "16 of 46 keys are shown" in figure.sentence


def test_stopped_trials_are_spoken_of_only_where_there_are_some() -> None:
    findings = Findings((), importances=(Importance("lr", {"fanova": 1.0}),))
    for state, spoken in ((State.COMPLETE, False), (State.STOPPED, True)):
        sweep = sweep_of([trial(0, [0.5], state=state), trial(1, [0.4])])
        figure = importance(sweep, findings, marks_of(sweep))
        assert figure is not None
        assert ("stopped" in figure.sentence) is spoken
