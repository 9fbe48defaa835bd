"""Trials run on a real Ray, end alone, and outlive their process."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from optuna.trial import TrialState
from ray.air.execution._internal.actor_manager import RayActorManager

from sweeps import ROOT
from sweeps.results_folder import Folder
from tests.sweeps.conftest import SMALL, Ran
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


def test_tune_imports_no_library_of_which_it_only_counts_the_callbacks() -> None:
    code = (
        "import sys; from sweeps.backend.ray_tune import set_environment; set_environment();"
        "from ray.tune.tune import air_usage; air_usage.tag_callbacks([object()]);"
        "sys.exit('wandb' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


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


def test_the_end_is_prepared_while_the_last_trials_run(
    sweep_here: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states: list[list[TrialState]] = []

    def last_begun() -> None:
        states.append([t.state for t in study(Ran(Folder(tmp_path / "s"), 0)).trials])

    monkeypatch.setattr("sweeps.launch.session.import_ahead", last_begun)
    sweep_here("search=grid", "stop=none", "seed=0,1,2", "epochs=3")
    (at_that_time,) = states
    assert len(at_that_time) == 3, "all have begun"
    assert TrialState.RUNNING in at_that_time


def test_no_more_processes_are_started_than_there_are_slots(
    sweep_here: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the first slot's trials are over while the other slots' processes start."""
    started: list[Any] = []
    start = RayActorManager.add_actor
    monkeypatch.setattr(
        RayActorManager, "add_actor", lambda *args, **kw: started.append(1) or start(*args, **kw)
    )
    slots = ("max_concurrent=3", "resources.cpu=0.5")
    ran = sweep_here(*slots, "search=random", "stop=none", "epochs=1", "budget.trials=18",
                     "optimizer.lr=interval(0.01,0.1)")  # fmt: skip
    assert [row["state"] for row in rows(ran)] == ["complete"] * 18
    assert len(started) == 3


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


#: Cards that Ray is told of, which are not there: it places trials by them, and hides those of
#: others. Prints what trials with these shares of a card see, and how many of them fit at once.
CARDS = """
import json, os, sys
import ray
from ray.util.placement_group import placement_group
from sweeps.driver.contract import Slots
from sweeps.backend.ray_session import Cluster
from sweeps.backend.ray_tune import _resources, hide_cards

ray.init(address="local", num_cpus=8, num_gpus=2, include_dashboard=False, log_to_driver=False)
cluster, seen, fits = Cluster(own=True, address=""), {}, {}

@ray.remote
def cards(share):
    hide_cards({"cpu": 1, "gpu": share})
    return os.environ.get("CUDA_VISIBLE_DEVICES")

for share in json.loads(sys.argv[1]):
    seen[share] = ray.get(cards.options(num_cpus=1, num_gpus=share).remote(share))
    resources = {"cpu": 0.5, "gpu": share}
    groups = [placement_group(_resources({"config": {"resources": resources}, "away": []})
              .bundles) for _ in range(12 if share else 0)]
    ready = [group.ready() for group in groups]
    counted = cluster.slots(resources)
    placed = []
    if ready:
        ray.wait(ready, num_returns=counted, timeout=120)
        placed = ray.wait(ready, num_returns=counted + 1, timeout=2)[0]
    fits[share] = [counted, len(placed)]
    for group in groups:
        ray.util.remove_placement_group(group)
print("FOUND", json.dumps([seen, fits]))
"""


@pytest.mark.machines
def test_a_trial_sees_the_cards_it_was_given_and_shares_are_of_one_card(tmp_path: Path) -> None:
    words = [sys.executable, "-c", CARDS, json.dumps([0, 0.6, 0.3, 1])]
    run = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=300, check=False)
    (line,) = [line for line in run.stdout.splitlines() if line.startswith("FOUND")] or [run.stderr]
    seen, fits = json.loads(line.removeprefix("FOUND"))
    assert seen.pop("0") == ""
    assert set(seen.values()) <= {"0", "1"}
    assert fits == {"0": [16, 0], "0.6": [2, 2], "0.3": [6, 6], "1": [2, 2]}


def test_a_trial_asks_for_another_machine_than_those_that_are_not_lent() -> None:
    from sweeps.backend.ray_tune import _resources

    resources = {"cpu": 1, "gpu": 0.5}
    anywhere = _resources({"config": {"resources": resources}, "away": []})
    elsewhere = _resources({"config": {"resources": resources}, "away": ["a1", "b2"]})
    assert anywhere.bundles == elsewhere.bundles == [{"CPU": 1.0, "GPU": 0.5}]
    assert anywhere != elsewhere, "or an idle process there would be taken for it"
    asked = elsewhere._bound.arguments["bundle_label_selector"]
    assert asked == [{"ray.io/node-id": "!in(a1,b2)"}]


#: A sweep on a card that is not there, of which each trial has a half.
SHARED_CARD = """
import sys
from contextlib import nullcontext
import ray
from sweeps.backend.ray_session import Cluster
from sweeps.cli import use_plugins
from tests.sweeps.conftest import begun

ray.init(address="local", num_cpus=2, num_gpus=1, include_dashboard=False, log_to_driver=False)
use_plugins()
sys.exit(begun(lambda: nullcontext(Cluster(own=True, address="")), *sys.argv[1:]))
"""


@pytest.mark.machines
def test_a_trial_that_runs_out_of_memory_is_tried_once_more_with_a_card_to_itself(
    tmp_path: Path,
) -> None:
    words = [
        *(*SMALL, *FAULTY[:-1], "epochs=3", "steps=3", "max_concurrent=null", "resources.cpu=1"),
        *("resources.gpu=0.5", "model.fault=large,none,shared"),
        *(f"results={tmp_path}", "name=s"),
    ]
    command = [sys.executable, "-c", SHARED_CARD, *words]
    run = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=300, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    ran = Ran(Folder(tmp_path / "s"), 0)
    table = rows(ran)
    states = {row["model.fault"]: (row["state"], row["epochs"]) for row in table}
    assert states == {
        "large": ("failed", "2"),
        "none": ("complete", "3"),
        "shared": ("complete", "3"),
    }
    (lacked,) = (row["reason"] for row in table if row["model.fault"] == "large")
    assert lacked.endswith("Tried to allocate 20.00 MiB, with a card to itself")
    shared = [row["id"] for row in table if row["model.fault"] == "shared"]
    large = [row["id"] for row in table if row["model.fault"] == "large"]
    for trial in (*shared, *large):
        told = f"{trial}: out of GPU memory: CUDA out of memory. Tried to allocate 20.00 MiB; it is"
        assert told in " ".join(run.stdout.split())
        config = yaml.safe_load((ran.folder.trials / trial / "config.yaml").read_text())
        assert config["resources"]["gpu"] == 1.0
    for trial in shared:
        with (ran.folder.trials / trial / "metrics.csv").open() as file:
            assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2", "3"]
    ends = {row["id"]: study(ran).trials[int(row["id"])].datetime_complete for row in table}
    alone = min(ends[trial] for trial in (*shared, *large))
    assert alone > max(ends[row["id"]] for row in table if row["model.fault"] == "none")


@pytest.mark.parametrize("gains", [True, False])
def test_what_ray_kills_for_its_memory_is_tried_alone_if_that_gives_it_more(gains: bool) -> None:
    from ray.exceptions import OutOfMemoryError

    from sweeps.backend.ray_tune import _Events
    from sweeps.backend.stream.held_trials import HeldTrials

    told: list[str] = []
    dropped: list[object] = []
    driver = SimpleNamespace(try_alone=lambda name, why: gains, notify=told.append)
    controller = SimpleNamespace(_staged_trials=[], stop_trial=dropped.append)
    room: Any = SimpleNamespace(controller=controller)
    killed: Any = SimpleNamespace(
        config={"trial": "0001"}, get_pickled_error=lambda: OutOfMemoryError("killed")
    )
    here: Any = lambda: driver  # noqa: E731
    _Events(here, room, HeldTrials(), None).on_trial_recover(1, [killed], killed)
    assert dropped == ([killed] if gains else [])
    assert bool(told) is not gains
