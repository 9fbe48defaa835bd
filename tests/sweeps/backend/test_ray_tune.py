"""Trials run on a real Ray, end alone, and outlive their process."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from optuna.trial import TrialState

from tests.sweeps.conftest import Ran
from tests.sweeps.launch.test_session import rows, study
from tests.sweeps.processes import command, descendants
from tests.sweeps.waiting import until

FAULTY = (
    "model._target_=tests.faulty.Faulty",
    "+model.fault=none",
    "search=grid",
    "stop=none",
    "epochs=2",
)


def untimed(table: list[dict[str, str]]) -> list[dict[str, str]]:
    timings = ("epoch_s", "samples_per_s", "seconds", "machine", "member")
    return [{k: v for k, v in row.items() if k not in timings} for row in table]


def test_early_stopped_trials_are_pruned_with_every_epoch(sweep_here: Callable[..., Ran]) -> None:
    # The first learns at once, so that those after it, in order of the grid, cannot keep up.
    ran = sweep_here("search=grid", "stop=asha", "optimizer.lr=0.03,1e-6,1e-7", "epochs=3")
    assert [row["state"] for row in rows(ran)] == ["complete", "stopped", "stopped"]
    trials = study(ran).trials
    assert [t.state for t in trials] == [TrialState.COMPLETE, TrialState.PRUNED, TrialState.PRUNED]
    assert [sorted(t.intermediate_values) for t in trials] == [[1, 2, 3], [1], [1]]
    assert rows(ran)[1]["reason"].startswith("asha")


def test_a_faulty_trial_ends_alone_with_its_reason(sweep_here: Callable[..., Ran]) -> None:
    ran = sweep_here(*FAULTY, "model.fault=raise,diverge,memory,host_memory,none")
    assert ran.code == 0
    table = {row["model.fault"]: row for row in rows(ran)}
    assert {fault: row["state"] for fault, row in table.items()} == {
        "raise": "failed",
        "diverge": "diverged",
        "memory": "failed",
        "host_memory": "failed",
        "none": "complete",
    }
    assert table["raise"]["reason"] == "ValueError: a fault of the model's own"
    assert "epoch 1" in table["diverge"]["reason"]
    assert "out of GPU memory" in table["memory"]["reason"]
    assert "out of memory" in table["host_memory"]["reason"]
    log = ran.folder.trials / table["raise"]["id"] / "log"
    assert "with a second line" in log.read_text()
    states = [trial.state for trial in study(ran).trials]
    assert states == [TrialState.FAIL] * 4 + [TrialState.COMPLETE]


def test_too_many_failures_in_a_row_end_the_sweep(sweep_here: Callable[..., Ran]) -> None:
    ran = sweep_here(*FAULTY, "model.fault=raise", "seed=1,2,3,4,5", "failures.in_a_row=2")
    assert ran.code == 1
    assert len(rows(ran)) <= 3


def test_a_trial_whose_process_is_killed_goes_on_as_if_nothing_were(
    sweep_here: Callable[..., Ran], sweep_without_ray: Callable[..., Ran], tmp_path: Path
) -> None:
    words = ("search=random", "stop=none", "optimizer.lr=interval(0.01,0.1)", "budget.trials=1",
             "epochs=40", "model.dropout=0.2")  # fmt: skip
    calm = sweep_without_ray(*words, name="calm")
    folder = tmp_path / "killed" / "trials" / "0000"
    seen: dict[str, float] = {}

    def kill() -> None:
        until((folder / "epoch_001").exists)
        trials = [p for p in descendants(os.getpid()) if command(p).startswith("ray::ImplicitFunc")]
        until((folder / "epoch_005").exists)
        seen.update({p.name: (p / "state.pt").stat().st_mtime for p in folder.glob("epoch_*")})
        for process in trials:
            os.kill(process, signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    killed = sweep_here(*words, name="killed")
    killer.join()
    assert len(seen) < 40, "it was over before it could be killed"
    assert untimed(rows(killed)) == untimed(rows(calm))
    kept = {name: (folder / name / "state.pt").stat().st_mtime for name in seen}
    assert kept == seen, "a finished epoch was trained again"
