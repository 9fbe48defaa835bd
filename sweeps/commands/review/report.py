"""Review sweeps: `make report SWEEP=mnist`, or SWEEP="a b" for several on one page.

Writes report.html, one file that needs no network, and the sheet beside it: sheet.xlsx, sheet.csv
(rows=true: a row a trial). With out= it writes the page there, and nothing else. With to=wandb the
review is published as a W&B report too, and the page links to it. A plan's name stands for its
stages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sweeps.cli import FAILED, doing, refusals, some_sweeps, terminal
from sweeps.formatting import RESULTS
from sweeps.page import report_file
from sweeps.page.reviewed import Reviewed
from sweeps.recorded import recorded_sweep
from sweeps.report.wandb_report import publish
from trainers.errors import ConfigError

OPTIONS = ("results", "out", "rows", "to")


def report(names: Sequence[str], given: Mapping[str, str]) -> int:
    """Write the page of sweeps, print where it is, and return the exit code.

    That is 1 if some part of it could not be made.

    Raises:
        ConfigError: a sweep that is not there or has no record, a place that cannot be written, or
            what W&B lacks or refuses.
    """
    rows = _switch("rows", given.get("rows", "false"))
    if (to := given.get("to", "wandb")) != "wandb":
        raise ConfigError(f"to={to}: it can be wandb alone; the page is written without it")
    folders = report_file.find(Path(given.get("results", RESULTS)), names)
    out = Path(given["out"]) if given.get("out") else None
    with doing("computing the findings, and drawing"):
        reviewed = report_file.review_all(folders)
        path = report_file.write(reviewed, out, rows)
    size = path.stat().st_size
    told = f"{size / 2**20:.1f} MB" if size >= 2**20 else f"{size / 2**10:.0f} kB"
    console = terminal()
    console.print(f"{path}  {told}", soft_wrap=True)
    console.print(f"open it in a browser: {path.resolve().as_uri()}", soft_wrap=True)
    if "to" in given:
        _to_wandb(reviewed, out, rows)
    problems = [line for one in reviewed for line in one.problems]
    for line in problems:
        console.print(line, soft_wrap=True)
    return FAILED if problems else 0


def _to_wandb(reviewed: Sequence[Reviewed], out: Path | None, rows: bool) -> None:
    """Publish the review, link to it on the page, and print where it is."""
    console = terminal()
    found = [one.findings for one in reviewed if one.findings is not None]
    if len(found) < len(reviewed):
        console.print("the report at W&B stays as it is: there are no findings to publish")
        return
    with doing("publishing the report at W&B"):
        published = publish([one.sweep for one in reviewed], found)
        report_file.write([_again(one) for one in reviewed], out, rows)  # it links to it now
    how = "made" if published.new else "updated"
    for line in (f"the report at W&B is {how}: {published.url}", *published.notes):
        console.print(line, soft_wrap=True)


def _again(reviewed: Reviewed) -> Reviewed:
    """Return what is reviewed with the addresses that its record has by now."""
    attributes = recorded_sweep.read(reviewed.sweep.folder).attributes
    return replace(reviewed, sweep=replace(reviewed.sweep, attributes=attributes))


def _switch(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ConfigError(f"{name}={text}: it is true or false")
    return text.lower() == "true"


def main() -> None:
    """Read the command line of `make report`."""
    with refusals():
        code = report(*some_sweeps("make report SWEEP=quickstart", OPTIONS))
    if code:
        raise SystemExit(code)


if __name__ == "__main__":
    main()
