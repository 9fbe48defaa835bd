"""A process stands ready for a trial before there is one, and the trial takes it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from ray import tune
from ray.tune.execution import class_cache

from sweeps.backend import ready_workers
from sweeps.backend.machines import on_machine, this_node
from sweeps.backend.ray_session import Cluster
from sweeps.backend.ray_tune import set_environment
from sweeps.backend.ready_workers import OF_TRIALS, let_stand_ready, setup_hook
from tests.sweeps.processes import standing
from tests.sweeps.waiting import until

RESOURCES = {"cpu": 1, "gpu": 0.0, "anywhere": False}


def seen(config: dict[str, Any]) -> None:
    """Tell of a trial's process."""
    names = ("AWS_SECRET_ACCESS_KEY", "OMP_NUM_THREADS")
    tune.report({"pid": os.getpid(), **{name: os.environ.get(name, "") for name in names}})


@pytest.mark.machines
def test_a_trial_takes_the_process_that_stands_ready(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")  # Tune would hand it on
    before = standing(os.getpid())
    let_stand_ready(RESOURCES, most=1)
    until(lambda: standing(os.getpid()) - before)
    ready = standing(os.getpid())
    set_environment()
    trial = tune.with_resources(seen, tune.PlacementGroupFactory([{"CPU": 1.0}]))
    run_config = tune.RunConfig(storage_path=str(tmp_path), verbose=0)
    (result,) = tune.Tuner(trial, run_config=run_config).fit()
    assert result.error is None
    assert result.metrics is not None
    assert result.metrics["pid"] in ready
    assert result.metrics["AWS_SECRET_ACCESS_KEY"] == ""
    assert result.metrics["OMP_NUM_THREADS"] == "1", "as Ray sets it for a trial of one CPU"


@pytest.mark.machines
def test_a_process_that_is_for_no_trial_imports_nothing_ahead(cluster: Cluster) -> None:
    import ray

    def imported() -> list[str]:
        return [name for name in ("torch", "ray.tune") if name in sys.modules]

    assert ray.get(on_machine(this_node(), imported).remote()) == []


@pytest.mark.machines
def test_a_raylet_that_cannot_be_reached_is_left_alone(cluster: Cluster) -> None:
    ready_workers._call({"127.0.0.1:1": 1}, ready_workers._request())


def node(key: str, **resources: float) -> dict[str, Any]:
    """A machine, as Ray lists it."""
    return {
        "NodeID": key, "NodeManagerAddress": key, "NodeManagerPort": 7, "Resources": resources
    }  # fmt: skip


@pytest.mark.parametrize(
    ("resources", "most", "expected"),
    [
        # c is held by others, and may be given back; d lends nothing.
        (RESOURCES, None, {"a:7": 4, "b:7": 2, "c:7": 1}),
        (RESOURCES, 3, {"a:7": 3, "b:7": 2, "c:7": 1}),
        ({**RESOURCES, "cpu": 2}, None, {"a:7": 2, "b:7": 1}),
        ({**RESOURCES, "gpu": 0.5}, None, {"b:7": 2}),
        ({**RESOURCES, "gpu": 1.0}, None, {"b:7": 1}),
        ({**RESOURCES, "gpu": 1.0, "anywhere": True}, None, {"a:7": 4, "b:7": 1, "c:7": 1}),
    ],
)
def test_as_many_stand_ready_as_trials_may_begin(
    resources: dict[str, Any], most: int | None, expected: dict[str, int]
) -> None:
    nodes = [node("a", CPU=4.0), node("b", CPU=2.0, GPU=1.0), node("c", CPU=1.0), node("d")]
    free = {"a": {"CPU": 4.0}, "b": {"CPU": 2.0, "GPU": 1.0}}
    assert ready_workers._first_trials(nodes, free, resources, most) == expected


def test_the_libraries_are_imported_with_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing of that is left behind, as Ray sets it for the processors of a trial."""
    for name in OF_TRIALS:
        monkeypatch.setenv(name, OF_TRIALS[name])
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    setup_hook()()
    assert "OMP_NUM_THREADS" not in os.environ
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    setup_hook()()
    assert os.environ["OMP_NUM_THREADS"] == "3"


def test_tune_marks_the_processes_of_trials_as_before() -> None:
    """An upgrade of Ray may name other variables: what is ready then is no trial's."""
    source = Path(class_cache.__file__).read_text(encoding="utf-8")
    assert '"PL_DISABLE_FORK": "1"' in source
    assert "RAY_CHDIR_TO_TRIAL_DIR" in source
