"""Hold a sweep with all that its page says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweeps.figures.figure import Figure
from sweeps.findings.finding import Findings
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.report.sheet import Sheet


@dataclass(frozen=True)
class Reviewed:
    """Holds a sweep with its findings, sheet and figures.

    Attributes:
        prefix: what its trials' ids begin with on the page: empty, or "name/" where several
            sweeps share a page.
        problems: a line for each part that could not be made.
    """

    sweep: RecordedSweep
    findings: Findings
    sheet: Sheet
    figures: Sequence[Figure]
    prefix: str = ""
    problems: Sequence[str] = ()

    def key(self, trial: str) -> str:
        """Return a trial's id on the page, with its sweep if there are several."""
        return f"{self.prefix}{trial}"
