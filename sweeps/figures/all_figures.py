"""Draw all figures of a sweep, in the order of the page."""

from __future__ import annotations

from sweeps.figures.curves import curves
from sweeps.figures.drawing.marks import marks_of
from sweeps.figures.figure import Figure
from sweeps.findings.finding import Findings
from sweeps.recorded.recorded_sweep import RecordedSweep

_ONE = (curves,)


def all_figures(sweep: RecordedSweep, findings: Findings, prefix: str = "") -> list[Figure]:
    """Draw what there is to be drawn of a sweep.

    Args:
        prefix: before the id of each trial; tells those of several sweeps apart: "mnist/".
    """
    marks = marks_of(sweep, prefix)
    drawn = (draw(sweep, findings, marks) for draw in _ONE)
    return [figure for figure in drawn if figure is not None]
