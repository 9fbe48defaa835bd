"""Twenty kills at random moments, by a real signal to a process that searches, decides and trains.

One worker, and no Ray: `test_resume` kills drivers, trials and machines of the whole, which takes
seconds each time. Here driver and training are one process, so that a kill is that of a machine.
"""

from __future__ import annotations

import os
import random
import signal
import time
from multiprocessing import get_context
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from sweeps.checked.check import check
from sweeps.checked.sweep import Sweep
from sweeps.cli import use_plugins
from sweeps.config.composition import compose
from sweeps.driver.driver import Driver
from sweeps.driver.observer import Observer
from sweeps.report import csv_files
from sweeps.results_folder import Folder
from sweeps.study.open import open_study
from sweeps.tracking import NullTracker
from sweeps.trials import Place
from tests.sweeps.commands.test_resume import table
from tests.sweeps.conftest import SMALL
from tests.sweeps.waiting import MOST_S
from trainers.config import typed
from trainers.run import run

SPACE = (
    "baseline=false",
    "optimizer.lr=tag(log,interval(1e-3,1e-1))",
    "model.dropout=interval(0.0,0.5)",
    "optimizer=adamw,sgd",
    "epochs=4",
    "budget.trials=12",
    "data.fraction=0.1",
)
TIMES = ("lr", "samples_per_s", "epoch_s", "seconds", "member", "machine")


def sit(sweep: Sweep, folder: Folder) -> None:
    """One session, from what is on record to the end."""
    fresh = not folder.study.exists()
    study = open_study(folder.study, sweep.objective, sweep.space, sweep.name, create=fresh)
    driver = Driver(
        study,
        sweep.composition,
        sweep.rules,
        folder.path,
        NullTracker("s", "", ""),
        Observer(),
    )
    while (assignment := driver.next()) is not None:
        config = typed(OmegaConf.create(dict(assignment.config)))
        epochs = run(config, assignment.folder, after=assignment.after)
        for saved in epochs:
            if driver.epoch(assignment.trial, saved.number, saved.metrics, Place("", "here")):
                break
        epochs.close()
    assert not driver.halted, driver.halted
    csv_files.write_trials(folder, study.trials, sweep.space.keys, sweep.objective)
    study.close()


def killed(path: str, words: tuple[str, ...], wanted: int) -> None:
    """A sweep left alone, then others that are killed so many times in all, and resumed."""
    use_plugins()
    chance = random.Random(20)
    with compose([*SMALL, *SPACE, *words]) as composition:
        composition.fix("resources.gpu", 0.0)
        sweep = check(composition)

        def session(name: str, kill_after: float | None = None) -> int:
            """In a process of its own, which is born with everything imported."""
            folder = Folder(Path(path) / name)
            folder.trials.mkdir(parents=True, exist_ok=True)
            if (child := os.fork()) == 0:
                sit(sweep, folder)
                os._exit(0)
            if kill_after is not None:
                time.sleep(kill_after)
                os.kill(child, signal.SIGKILL)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

        began = time.monotonic()
        assert session("calm") == 0
        usual_s = time.monotonic() - began
        kills = finished = 0
        while kills < wanted or not finished:
            kill_after = chance.uniform(0.01, usual_s / 3) if kills < wanted else None
            code = session(f"killed-{finished}", kill_after)
            assert code in (0, -signal.SIGKILL), code
            kills, finished = kills + (code != 0), finished + (code == 0)


def outcome(folder: Path) -> list[dict[str, str]]:
    return [{k: v for k, v in row.items() if k not in TIMES} for row in table(folder)]


@pytest.mark.parametrize(
    ("kills", "words"),
    [
        (20, ("search=tpe", "search.n_startup_trials=3", "stop=asha", "stop.factor=2")),
        (5, ("search=tpe", "search.n_startup_trials=3", "stop=promotion", "stop.factor=2")),
    ],
)
@pytest.mark.machines
def test_kills_change_no_decision(tmp_path: Path, kills: int, words: tuple[str, ...]) -> None:
    process = get_context("spawn").Process(target=killed, args=(str(tmp_path), words, kills))
    process.start()
    process.join(MOST_S)
    assert process.exitcode == 0
    calm = outcome(tmp_path / "calm")
    assert {row["state"] for row in calm} == {"complete", "stopped"}, "no decisions to compare"
    again = [folder for folder in tmp_path.iterdir() if folder.name != "calm"]
    whole = [folder for folder in again if (folder / "trials.csv").exists()]
    assert whole
    assert all(outcome(folder) == calm for folder in whole)
