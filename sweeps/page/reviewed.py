"""Hold a sweep with all that its page says of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sweeps.figures.figure import Figure
from sweeps.findings.finding import Findings
from sweeps.page import problems
from sweeps.page.problems import Made
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.report.sheet import Sheet


@dataclass(frozen=True)
class Reviewed:
    """Holds a sweep with its findings, sheet and figures.

    Attributes:
        findings, sheet: None if they could not be made.
        prefix: what its trials' ids begin with on the page: empty, or "name/" where several
            sweeps share a page.
        problems: a line for each part that could not be made; the page and its files add theirs.
    """

    sweep: RecordedSweep
    findings: Findings | None
    sheet: Sheet | None
    figures: Sequence[Figure]
    prefix: str = ""
    problems: list[str] = field(default_factory=list)

    def key(self, trial: str) -> str:
        """Return a trial's id on the page, with its sweep if there are several."""
        return f"{self.prefix}{trial}"

    def attempt(self, what: str, make: Callable[[], Made], instead: Made) -> Made:
        """Make a part of the page; if it fails, a line in `problems` says so."""
        return problems.attempt(what, make, instead, self.sweep.folder, self.problems)
