"""Draw the sweeps of a queue as the report does: its learning curves, and its whole page."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cluster.service.queue import Queued, Step
from sweeps.figures.curves import curves
from sweeps.figures.drawing.marks import marks_of
from sweeps.figures.figure import Figure
from sweeps.findings.finding import Findings
from sweeps.page import report_file
from sweeps.page.live_page import LivePage, Version
from sweeps.recorded.recorded_sweep import read
from sweeps.results_folder import Folder
from trainers.errors import ConfigError

#: Sweeps whose curves are on the head's page; pages that are kept.
_DRAWN, _KEPT = 4, 8


@dataclass(frozen=True)
class Drawn:
    """Holds the curves of a sweep, and the size of the record that they were drawn from."""

    stamp: int
    figure: Figure | None


class SweepPages:
    """Makes curves and pages of sweeps anew when their records have grown."""

    def __init__(self) -> None:
        """Begin with none."""
        self._pages: dict[str, LivePage] = {}
        self._drawn: dict[str, Drawn] = {}
        self._lock = threading.Lock()

    def report(self, queued: Queued) -> Version:
        """Return the whole page of a sweep.

        Raises:
            ConfigError: it has no record yet.
        """
        with self._lock:
            page = self._pages.pop(queued.sweep, None)
            if page is None:
                page = LivePage(report_file.find(Path(queued.results), [queued.sweep]))
            self._pages[queued.sweep] = page
            while len(self._pages) > _KEPT:
                del self._pages[next(iter(self._pages))]
        return page.version()

    def of(self, entries: Sequence[Queued]) -> Mapping[str, Figure]:
        """Draw the curves of those that run, or else of the last that ran."""
        begun = [one for one in entries if one.step is not Step.WAITING]
        with self._lock:
            figures = {one.sweep: self._curves(one) for one in begun[:_DRAWN]}
        return {name: figure for name, figure in figures.items() if figure is not None}

    def _curves(self, queued: Queued) -> Figure | None:
        folder = Folder(Path(queued.results) / queued.sweep)
        if not (folder.sweep.is_file() and folder.study.is_file()):
            return None  # a study of its own elsewhere, or none yet
        stamp = folder.study.stat().st_size
        known = self._drawn.get(queued.sweep)
        if known is None or known.stamp != stamp:
            try:
                sweep = read(folder)
                figure = curves(sweep, Findings(()), marks_of(sweep))
            except ConfigError:
                return None
            if figure is not None:
                figure = replace(figure, title=queued.sweep)
            known = self._drawn[queued.sweep] = Drawn(stamp, figure)
        return known.figure
