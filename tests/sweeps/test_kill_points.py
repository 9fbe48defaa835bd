"""Twenty kills at random moments, by a real signal to a process that searches, decides and trains.

One worker, and no Ray: `test_resume` kills drivers, trials and machines of the whole, which takes
seconds each time. Here driver and training are one process, so that a kill is that of a machine.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from multiprocessing import get_context
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from sweeps import results
from sweeps.composition import compose
from sweeps.driver import Driver
from sweeps.entry import use_plugins
from sweeps.records import Place
from sweeps.results import Folder
from sweeps.simulation.engine import _Unseen
from sweeps.study import Study
from sweeps.sweep import check, fetch
from sweeps.tracking import NullTracker
from tests.sweeps.conftest import SMALL
from tests.sweeps.test_resume import table
from trainers.config import typed
from trainers.run import run

KILLS = 20
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


def sit(path: str, words: tuple[str, ...], kill_after: float, took: Path | None) -> None:
    """One sitting of a sweep, which dies after so many seconds of it."""
    use_plugins()
    with compose([*SMALL, *SPACE, *words]) as composition:
        sweep = check(composition)
        fetch(sweep)
        folder = Folder(Path(path))
        folder.trials.mkdir(parents=True, exist_ok=True)
        composition.settle("resources.gpu", 0.0)
        timer = threading.Timer(kill_after, os.kill, (os.getpid(), signal.SIGKILL))
        timer.start()
        began = time.monotonic()
        fresh = not folder.study.exists()
        study = Study(folder.study, sweep.objective, sweep.space, sweep.name, create=fresh)
        driver = Driver(
            study,
            composition,
            sweep.constraints,
            sweep.search,
            sweep.stop,
            sweep.budget,
            folder.path,
            NullTracker("s", "", ""),
            _Unseen(),
        )
        while (assignment := driver.next()) is not None:
            config = typed(OmegaConf.create(dict(assignment.config)))
            epochs = run(config, assignment.folder, after=assignment.after)
            for saved in epochs:
                if driver.epoch(assignment.trial, saved.number, saved.metrics, Place("", "here")):
                    break
            epochs.close()
        assert not driver.halted, driver.halted
        results.write_trials(folder, study.trials, sweep.space.keys, sweep.objective)
        study.close()
        if took is not None:
            took.write_text(str(time.monotonic() - began))
        timer.cancel()


def outcome(folder: Path) -> list[dict[str, str]]:
    return [{k: v for k, v in row.items() if k not in TIMES} for row in table(folder)]


@pytest.mark.parametrize(
    "words",
    [
        ("search=tpe", "search.n_startup_trials=3", "stop=asha", "stop.factor=2"),
        ("search=random", "stop=promotion", "stop.factor=2"),
    ],
)
def test_twenty_kills_change_no_decision(tmp_path: Path, words: tuple[str, ...]) -> None:
    context = get_context("forkserver")
    context.set_forkserver_preload(
        ["sweeps.sweep", "trainers.run", "tests.sweeps.test_kill_points"]
    )
    chance = random.Random(20)

    def sitting(name: str, kill_after: float, took: Path | None = None) -> int | None:
        arguments = (str(tmp_path / name), words, kill_after, took)
        process = context.Process(target=sit, args=arguments)
        process.start()
        process.join(120)
        return process.exitcode

    assert sitting("calm", 120.0, tmp_path / "took") == 0
    calm = outcome(tmp_path / "calm")
    assert {row["state"] for row in calm} == {"complete", "stopped"}, "no decisions to compare"
    usual_s = float((tmp_path / "took").read_text())
    kills = finished = 0
    while kills < KILLS or not finished:
        name = f"killed-{finished}"
        kill_after = chance.uniform(0, usual_s / 4) if kills < KILLS else 120.0
        code = sitting(name, kill_after)
        assert code in (0, -signal.SIGKILL)
        if code:
            kills += 1
        else:
            assert outcome(tmp_path / name) == calm
            finished += 1
