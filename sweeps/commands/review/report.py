"""Review sweeps: `make report SWEEP=mnist`, or SWEEP="a b" for several on one page.

Writes report.html, one file that needs no network, and the sheet beside it: sheet.xlsx, sheet.csv
(rows=true: a row a trial). With out= it writes the page there, and nothing else. A plan's name
stands for its stages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sweeps.cli import doing, refusals, some_sweeps, terminal
from sweeps.formatting import RESULTS
from sweeps.page import report_file
from trainers.errors import ConfigError

OPTIONS = ("results", "out", "rows")


def report(names: Sequence[str], given: Mapping[str, str]) -> Path:
    """Write the page of sweeps, print where it is, and return its path.

    Raises:
        ConfigError: a sweep that is not there or has no record, or a place that cannot be written.
    """
    rows = _switch("rows", given.get("rows", "false"))
    folders = report_file.find(Path(given.get("results", RESULTS)), names)
    with doing("computing the findings, and drawing"):
        reviewed = report_file.review_all(folders)
        path = report_file.write(reviewed, Path(given["out"]) if given.get("out") else None, rows)
    size = path.stat().st_size
    told = f"{size / 2**20:.1f} MB" if size >= 2**20 else f"{size / 2**10:.0f} kB"
    console = terminal()
    console.print(f"{path}  {told}", soft_wrap=True)
    console.print(f"open it in a browser: {path.resolve().as_uri()}", soft_wrap=True)
    return path


def _switch(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ConfigError(f"{name}={text}: it is true or false")
    return text.lower() == "true"


def main() -> None:
    """Read the command line of `make report`."""
    with refusals():
        report(*some_sweeps("make report SWEEP=quickstart", OPTIONS))


if __name__ == "__main__":
    main()
