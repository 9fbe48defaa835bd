"""A tracker is shown each trial as the study has it, after a kill those too that had ended."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from sweeps.backend.ray_session import Ray
from sweeps.commands.resume import resume
from sweeps.config.composition import compose
from sweeps.driver import tracked_trials
from sweeps.search.search import Setting
from sweeps.space.space import Space
from sweeps.study import reader
from sweeps.tracking.sync.due_runs import DueRuns
from sweeps.trials import Objective, Source, State, TrialRecord
from tests.sweeps.driver.sessions import Clock, DriverSession, swept
from tests.sweeps.processes import ROOT
from tests.sweeps.waiting import until
from tests.wandb_server import WandbServer


def test_a_repeat_is_shown_with_its_seed_and_whom_it_repeats() -> None:
    shown: list[object] = []

    class Tracker:
        def trial_started(self, *given: object) -> None:
            shown.extend(given)

    trial = TrialRecord(
        "0003", 3, State.RUNNING, params={"lr": 0.1}, source=Source("0001", seed=11)
    )
    sweep = swept()
    setting = Setting(sweep.space, as_is=lambda given: {"lr": 0.1})
    shows = Tracker()
    tracked_trials.started(shows, trial, {"epochs": 3}, sweep.composition, setting)  # type: ignore[arg-type]
    config = {
        "epochs": 3,
        "swept": {"lr": 0.1, "seed": 11},
        "choices": sweep.composition.choices({}),
        "differs": "seed 11",
        "source": "repeats 0001",
    }
    assert shown == ["0003", config, 0]


def told(**params: object) -> str:
    """In what a trial differs, of a sweep over choices and over what some of them have."""

    def as_is(given: Mapping[str, object]) -> dict[str, object]:
        lr = {"lr": 0.001} if given.get("optimizer") != "sgd" else {"lr": 0.1, "momentum": 0.9}
        optimizer = {f"optimizer.{key}": value for key, value in lr.items()}
        return {"optimizer": "adamw", "norm": "none", "width": 128, **optimizer, **given}

    setting = Setting(Space(()), as_is=as_is)
    trial = TrialRecord("0003", 3, State.RUNNING, params=params)
    return tracked_trials.differing(trial, {"optimizer": "x", "norm": "x"}, setting)


def test_a_name_says_what_differs_from_the_baseline() -> None:
    same = {"optimizer": "adamw", "norm": "none", "width": 128, "optimizer.lr": 0.001}
    assert told(**same) == "baseline"
    assert told(**{**same, "width": 64, "norm": "batch"}) == "norm batch, width 64"
    sgd = {**same, "optimizer": "sgd", "optimizer.momentum": 0.9, "optimizer.lr": 0.1}
    assert told(**sgd) == "optimizer sgd", "its other values are those that sgd comes with"
    assert told(**{**sgd, "optimizer.lr": 0.05}) == "optimizer sgd, lr 0.05"
    assert told(extra=True) == "extra true", "the baseline has no such key"


def test_a_name_has_at_most_64_characters_with_the_trials_id() -> None:
    many: dict[str, object] = {f"model.part_{n}.width": 100 + n for n in range(20)}
    name = told(**many, **{"optimizer.lr": 0.05})
    assert name.startswith("lr 0.05, part_0.width 100, ")
    assert 45 < len(f"0003 {name}") <= 64
    assert len(f"0003 {told(**{'k' * 90: 1})}") <= 64


def test_of_a_choice_the_name_is_told_with_the_configuration() -> None:
    with compose(("space=null", "norm=none,batch", "model.width=16,32")) as composition:
        choices = composition.choices({"norm": "batch", "model.width": 16})
    assert choices["norm"] == "batch"
    assert (choices["optimizer"], choices["search"]) == ("adamw", "random")
    assert not any("hydra" in group for group in choices)


def test_those_whose_runs_were_left_open_are_ended_again_and_no_others(tmp_path: Path) -> None:
    sweep = swept()
    session = DriverSession(tmp_path, sweep, Clock())
    for _ in range(2):
        session.finish(session.next(), 0.75)
    session.next()
    tracker = session.tracker
    tracker.started.clear()
    tracker.ended.clear()
    tracker.lacks = {"0001", "0002", "summary"}
    tracked_trials.complete(tracker, session.study, sweep.composition, sweep.search.setting)
    assert tracker.started == [("0001", 3)]
    ((trial, state, summary),) = tracker.ended
    assert (trial, state) == ("0001", "complete")
    assert summary == {
        "best_epoch": 1,
        "best_value": 0.75,
        "best_val_accuracy": 0.75,
        "best_epoch_s": 1.0,
        "member": "me",
        "machine": "atlas",
    }
    session.study.close()


@pytest.mark.machines
def test_a_killed_sweep_is_at_the_server_whole_after_its_next_session(
    tmp_path: Path, without_ray: Ray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trials that had ended too, though the server had nothing of them."""
    where, folder = f"results={tmp_path}", tmp_path / "s"
    words = ("name=s", "track=wandb", "space=null", "model.width=8,16,24,32", "search=grid")
    more = ("stop=none", "epochs=3", "data.fraction=0.25", "max_concurrent=1", where)
    with WandbServer() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", server.key)
        server.stop()  # listens no more: what is sent is lost
        given = (*words, *more, "track.init_timeout_s=600")
        script = (
            "from contextlib import nullcontext; from tests.sweeps.conftest import NoRay, begun\n"
            f"begun(lambda: nullcontext(NoRay(own=True, address='')), *{given!r})"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        log = folder / "study.log"
        until(lambda: log.exists() and log.read_bytes().count(b'"epoch:') >= 7, running=process)
        process.kill()
        process.wait()
        server.start()
        assert not server.runs
        resume("s", [where, "track.init_timeout_s=60"], without_ray)
        record = reader.read(folder / "study.log", "s", dict)
        assert record.attributes["wandb"] == {"project_url": f"{server.url}/someone/caviar"}
        trials = record.trials
        assert [trial.last_epoch for trial in trials] == [3] * 4
        shown = {
            run.config["trial"]: run for run in server.runs.values() if run.job_type == "trial"
        }
        assert sorted(shown) == ["0000", "0001", "0002", "0003"]
        for run in shown.values():
            assert [row["epoch"] for row in run.history] == [1, 2, 3]
            assert (run.state, run.summary["state"]) == ("finished", "complete")
            assert {"lr", "samples_per_s", "val_loss"} <= run.history[0].keys()
            assert run.summary["best_val_accuracy"] == run.summary["best_value"]
            assert run.tags[-1] == "complete"
            assert run.summary["machine"] in run.tags
        (whole,) = [run for run in server.runs.values() if run.job_type == "summary"]
        assert {"tables/trials", "tables/sheet", "tables/findings"} <= whole.summary.keys()
        assert "sheet.xlsx" in server.artifacts[f"review-{whole.name}"][0].files
        assert server.unknown == []
        counts = [len(v) for name, v in server.artifacts.items() if name.startswith("ckpt-")]
        assert counts == [3] * 4


def test_a_record_is_replayed_with_its_epochs_and_ends(tmp_path: Path) -> None:
    sweep = swept()
    due = DueRuns("s", "uid", tmp_path)
    curve = {1: {"m": 0.5}, 2: {"m": 0.7}, 3: {"m": 0.6}}
    trials = [
        TrialRecord("0000", 0, State.COMPLETE, epochs=curve),
        TrialRecord("0001", 1, State.RUNNING, epochs={1: {"m": 0.4}}),
        TrialRecord("0002", 2, State.INFEASIBLE, reason="too large"),
        TrialRecord("0003", 3, State.FAILED, reason="out of memory"),
    ]
    setting = Setting(sweep.space, as_is=lambda given: {})
    objective = Objective("m", maximize=True)
    tracked_trials.replay(
        due, trials, objective, lambda trial: {"of": trial.id}, sweep.composition, setting
    )
    assert list(due.runs) == ["0000", "0001", "0003"]
    first = due.runs["0000"]
    assert (first.config["of"], list(first.epochs), first.best) == ("0000", [1, 2, 3], 2)
    assert (first.state, dict(first.summary)) == (
        "complete",
        {"best_epoch": 2, "best_value": 0.7, "best_m": 0.7, "member": "", "machine": ""},
    )
    assert not due.runs["0001"].ended
    assert (due.runs["0003"].state, due.runs["0003"].reason) == ("failed", "out of memory")
