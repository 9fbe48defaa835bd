"""Draw all figures of a sweep, in the order of the page."""

from __future__ import annotations

from collections.abc import Callable

from sweeps.figures.classes import classes, confusion
from sweeps.figures.contours import contours
from sweeps.figures.curves import curves
from sweeps.figures.drawing.marks import TrialMarks, marks_of
from sweeps.figures.effects import effects
from sweeps.figures.failures import failures
from sweeps.figures.figure import Figure
from sweeps.figures.generations import generations
from sweeps.figures.importance import importance
from sweeps.figures.parallel import parallel
from sweeps.figures.parameters import parameters
from sweeps.figures.repeats import repeats
from sweeps.figures.timeline import timeline
from sweeps.figures.trade_off import trade_off
from sweeps.findings.finding import Findings
from sweeps.recorded.recorded_sweep import RecordedSweep

_Drawn = Figure | list[Figure] | None
_ORDER: tuple[Callable[[RecordedSweep, Findings, TrialMarks], _Drawn], ...] = (
    curves,
    effects,
    importance,
    parameters,
    contours,
    parallel,
    trade_off,
    generations,
    repeats,
    timeline,
    failures,
    confusion,
    classes,
)


def all_figures(
    sweep: RecordedSweep,
    findings: Findings,
    prefix: str = "",
    failed: Callable[[str, Exception], None] | None = None,
) -> list[Figure]:
    """Draw what there is to be drawn of a sweep.

    Args:
        prefix: before the id of each trial; tells those of several sweeps apart: "mnist/".
        failed: gets the name and the error of what cannot be drawn, and the rest is; without it
            the first error is raised.
    """
    marks = marks_of(sweep, prefix)
    figures: list[Figure] = []
    for draw in _ORDER:
        try:
            drawn = draw(sweep, findings, marks)
        except Exception as error:
            if failed is None:
                raise
            failed(draw.__name__, error)
            continue
        figures += drawn if isinstance(drawn, list) else [drawn] if drawn is not None else []
    return figures
