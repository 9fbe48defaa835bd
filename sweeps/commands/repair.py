"""Repair the damaged record of a sweep: `make repair SWEEP=mnist`.

What can be read of the study is kept, and the damaged file stays beside it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from sweeps import results_folder
from sweeps.cli import one_sweep, refusals, terminal
from sweeps.formatting import command
from sweeps.study.journal_repair import repair as repair_journal
from sweeps.study.journal_storage import unrenewed
from sweeps.study.lock import Owner, hold
from sweeps.study.storage import Location, journal_path
from sweeps.study.url import Database, shared
from trainers.errors import ConfigError
from trainers.files import history

OPTIONS = ("results",)


def repair(name: str, given: Mapping[str, str]) -> None:
    """Repair the study of a sweep, and print what could not be read.

    Raises:
        ConfigError: no such sweep, its study is in a database, or a driver has it open.
    """
    folder = results_folder.find(Path(given.get("results", "results")), name)
    place: Location = shared(results_folder.read_sweep(folder)["config"].get("study")) or (
        folder.study
    )
    if isinstance(place, Database):
        raise ConfigError(f"{place} is a database, which repairs itself; ask who looks after it")
    path = journal_path(place)
    if not path.is_file():
        raise ConfigError(f"{path} is not there: there is nothing to repair")
    own = path == folder.study
    with ExitStack() as held:
        locks = (
            [Path(f"{path}.driver")] if own else sorted(path.parent.glob(f"{path.name}.*.driver"))
        )
        for lock in locks:
            held.callback(os.close, hold(lock, str(path), Owner.me()))

        def epochs_of(trial: int) -> Mapping[int, Mapping[str, float]]:
            return history.read(folder.trials / f"{trial:04d}" / "metrics.csv") if own else {}

        held.enter_context(unrenewed(path))
        done = repair_journal(path, epochs_of)
    console = terminal()
    if done.original is None:
        console.print(f"{path}: all of its {done.lines:,} lines can be read", soft_wrap=True)
        return
    lost = ", ".join(map(str, done.lost[:10])) + (", …" if len(done.lost) > 10 else "")
    console.print(
        f"{path}: {done.lines - len(done.lost):,} of {done.lines:,} lines are kept; could not be "
        f"read: {lost}",
        soft_wrap=True,
    )
    if done.begun:
        trials = ", ".join(f"{trial:04d}" for trial in done.begun)
        console.print(f"the first line of these trials was lost, and made anew: {trials}")
    if done.refilled:
        console.print(f"{done.refilled} epochs were found again in the trials' folders")
    console.print(f"the damaged file is {done.original}", soft_wrap=True)
    console.print(command("resume", name, folder.path.parent), soft_wrap=True)


def main() -> None:
    """Read the command line of `make repair`."""
    with refusals():
        repair(*one_sweep("make repair SWEEP=mnist", OPTIONS))


if __name__ == "__main__":
    main()
