"""Make the page of sweeps from their folders, and write it as a file that can be handed on."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from functools import partial
from glob import escape
from pathlib import Path

from sweeps import results_folder
from sweeps.figures.all_figures import all_figures
from sweeps.figures.figure import Figure
from sweeps.findings import findings_json
from sweeps.findings.finding import Findings
from sweeps.findings.findings import findings
from sweeps.page.page import page
from sweeps.page.problems import attempt, problem
from sweeps.page.reviewed import Reviewed
from sweeps.recorded.recorded_sweep import RecordedSweep, read
from sweeps.report import csv_files
from sweeps.report.sheet import sheet
from sweeps.report.sheet_files import write_sheet
from sweeps.results_folder import Folder
from trainers.errors import ConfigError
from trainers.files.whole_file import write_whole

#: The file in the folder of a sweep.
NAME = "report.html"
#: What a page begins with.
_BEGINS = b"<!doctype html>"
#: Seconds after which a file that is still being written was left by a process that was killed.
_CUT_S = 600.0


def review(folder: Folder, prefix: str = "") -> Reviewed:
    """Read a sweep as it stands, and compute all that its page says.

    Args:
        prefix: what its trials' ids begin with, where several sweeps share a page.

    Raises:
        ConfigError: it has no record yet, or one that cannot be read.
    """
    return reviewed_of(read(folder), prefix)


def reviewed_of(sweep: RecordedSweep, prefix: str = "") -> Reviewed:
    """Compute all that the page says of a sweep; `prefix`: as for `review`.

    What fails by an error of this program is left out, and a line says so.
    """
    lines: list[str] = []

    def failed(name: str, error: Exception) -> None:
        lines.append(problem(f"the figure {name}", error, sweep.folder))

    found = attempt("the findings", partial(findings, sweep), None, sweep.folder, lines)
    told = found or Findings(())
    draw = partial(all_figures, sweep, told, prefix, failed)
    figures = attempt("the figures", draw, list[Figure](), sweep.folder, lines)
    made = attempt("the sheet", partial(sheet, sweep, told), None, sweep.folder, lines)
    return Reviewed(sweep, found, made, figures, prefix, lines)


def review_all(folders: Sequence[Folder]) -> list[Reviewed]:
    """Read sweeps that share a page; raises ConfigError as `review` does."""
    several = len(folders) > 1
    return [review(one, f"{one.path.name}/" if several else "") for one in folders]


def page_of(folders: Sequence[Folder], refresh_s: float = 0.0) -> str:
    """Make the page of one or several sweeps as they stand.

    Args:
        refresh_s: as in `page`.

    Raises:
        ConfigError: one has no record yet, or one that cannot be read.
    """
    return page(review_all(folders), refresh_s)


def path_of(folders: Sequence[Folder]) -> Path:
    """Return where the page of sweeps is kept: in the folder of one, beside those of several."""
    if len(folders) == 1:
        return folders[0].path / NAME
    names = "-".join(folder.path.name for folder in folders)
    while len(os.fsencode(names)) > results_folder.LONGEST_NAME:
        names = names[:-1]
    return folders[0].path.parent / f"report-{names}.html"


def write(reviewed: Sequence[Reviewed], out: Path | None = None, rows: bool = False) -> Path:
    """Write the page of sweeps, replacing an older one whole; returns its path.

    In the folder of a single sweep its sheet, importances.csv and findings.json are written too.
    A file of what could not be made stays as it was.

    Args:
        out: in the place of `path_of`; a folder gets a file of the usual name.
        rows: the sheet has a row a trial, not a column.

    Raises:
        ConfigError: a place that cannot be written.
    """
    usual = path_of([one.sweep.folder for one in reviewed])
    path = usual if out is None else out.expanduser()
    if out is not None and path.is_dir():
        path = path / usual.name
    text = page(reviewed)
    whole = out is None and len(reviewed) == 1
    with _writable(path):
        if out is not None:
            _require_page(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_cut(path.parent, "" if whole else path.name)
        write_whole(path, text)
    if whole:
        _write_beside(reviewed[0], rows)
    return path


def _write_beside(one: Reviewed, rows: bool) -> None:
    """Write the files beside the page of a sweep, those of what could be made."""
    folder, made, found = one.sweep.folder, one.sheet, one.findings

    def sheet_too() -> None:
        if made is not None:
            with _writable(folder.path):
                write_sheet(folder, made, rows)

    def findings_too() -> None:
        if found is not None:
            with _writable(folder.path):
                csv_files.write_importances(folder, found.importances)
                findings_json.write(one.sweep, found)

    one.attempt("sheet.csv or sheet.xlsx", sheet_too, None)
    one.attempt("importances.csv or findings.json", findings_too, None)


@contextlib.contextmanager
def _writable(path: Path) -> Iterator[None]:
    """Refuse in a line what cannot be written within a `with` block."""
    try:
        yield
    except OSError as error:
        place = error.filename2 or path  # of a file that is replaced whole
        raise ConfigError(
            f"{place} cannot be written ({error.strerror}): name another place, out=…"
        ) from None


def _remove_cut(folder: Path, name: str) -> None:
    """Remove what was being written when a process was killed, not what is written now.

    Args:
        name: of a file in a folder of somebody's own; empty: the folder is a sweep's.
    """
    for cut in folder.glob(f".tmp_{escape(name)}_*" if name else ".tmp_*"):
        with contextlib.suppress(OSError):
            if cut.is_file() and time.time() - cut.stat().st_mtime > _CUT_S:
                cut.unlink()


def _require_page(path: Path) -> None:
    """Refuse to replace what is no page; raises ConfigError."""
    if not path.exists():
        return
    if path.is_file():
        with path.open("rb") as file:
            if file.read(len(_BEGINS)).lower() in (b"", _BEGINS):
                return
    raise ConfigError(f"out={path} is there and is no page of a sweep: name another file")


def find(results: Path, names: Sequence[str]) -> list[Folder]:
    """Find the folders of sweeps by name; a plan stands for its stages that have begun.

    Args:
        names: each a sweep, a plan, or several of them with blanks between, as SWEEP="a b" has it.

    Raises:
        ConfigError: no sweep has a name; the message lists the existing ones.
    """
    results = results.expanduser()
    whole = [name for name in names if (results / name).is_dir()]
    each = [one for name in names for one in ([name] if name in whole else name.split())]
    folders: dict[Path, Folder] = {}
    for name in each:
        for folder in _stages(results, name) or [results_folder.find(results, name)]:
            folders.setdefault(folder.path, folder)
    return list(folders.values())


def _stages(results: Path, name: str) -> list[Folder]:
    """Return the sweeps of a plan that have begun; empty if the name is that of no plan."""
    path = results / name / "plan.yaml"
    if not path.is_file():
        return []
    stages = results_folder.read_record(path, "a plan").get("stages") or []
    begun = [Folder(results / str(stage)) for stage in stages]
    begun = [folder for folder in begun if folder.sweep.is_file()]
    if not begun:
        raise ConfigError(f"no stage of the plan {name} has a record yet: let it run first")
    return begun
