"""Extended to more epochs, a sweep's complete trials go on as if it had been planned so."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeps.backend.ray_session import Ray
from sweeps.commands.resume import resume
from sweeps.study import reader
from sweeps.trials import TrialRecord
from tests.sweeps.conftest import Ran
from tests.sweeps.processes import kill, saved, start, wait_for_epochs
from trainers.errors import ConfigError

TIMINGS = ("epoch_s", "samples_per_s", "seconds")
#: Ends well before its longest training, so that a part of what is extended is stopped.
HALVING = ("stop=asha", "stop.grace=1", "stop.factor=2", "search=random", "budget.trials=6")
GRID = ("search=grid", "stop=none", "model.width=8,16,32")

Sweep = Callable[..., Ran]


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open() as file:
        return [{k: v for k, v in row.items() if k not in TIMINGS} for row in csv.DictReader(file)]


def trials(folder: Path) -> tuple[TrialRecord, ...]:
    return reader.read(folder / "study.log", "s", dict).trials


def curves(folder: Path) -> list[dict[int, float]]:
    return [{n: e["val_loss"] for n, e in trial.epochs.items()} for trial in trials(folder)]


@pytest.mark.parametrize("schedule", ["none", "step"])
def test_the_numbers_are_those_of_a_sweep_planned_so(
    schedule: str, sweep_anywhere_without_ray: Sweep, without_ray: Ray, tmp_path: Path
) -> None:
    words = (*GRID, f"schedule={schedule}")
    sweep_anywhere_without_ray(tmp_path, *words, "epochs=5", name="planned")
    sweep_anywhere_without_ray(tmp_path, *words, "epochs=2", name="s")
    before = saved(tmp_path / "s")
    resume("s", [f"results={tmp_path}", "epochs=+1"], without_ray)
    resume("s", [f"results={tmp_path}", "epochs=5"], without_ray)
    assert table(tmp_path / "s") == table(tmp_path / "planned")
    assert curves(tmp_path / "s") == curves(tmp_path / "planned")
    after = saved(tmp_path / "s")
    assert {path: after[path] for path in before} == before, "a finished epoch was trained again"
    assert len(after) == 15
    config = (tmp_path / "s" / "trials" / "0001" / "config.yaml").read_text()
    assert "epochs: 5" in config
    summary = json.loads((tmp_path / "s" / "summary.json").read_text())
    assert (summary["trials"], summary["completed"]) == (3, 3)


def test_the_stopping_rule_judges_first_and_new_trials_come_after(
    sweep_anywhere_without_ray: Sweep, without_ray: Ray, tmp_path: Path
) -> None:
    words = (*HALVING, "optimizer.lr=tag(log,interval(1e-5,1e-1))", "epochs=2")
    sweep_anywhere_without_ray(tmp_path, *words)
    before = trials(tmp_path / "s")
    complete = [t.id for t in before if t.state.value == "complete"]
    assert len(complete) > 2
    resume("s", [f"results={tmp_path}", "epochs=5", "budget.trials=+2"], without_ray)
    after = {t.id: t for t in trials(tmp_path / "s")}
    stopped = [one for one in complete if after[one].state.value == "stopped"]
    assert stopped, "nobody was judged"
    assert all("at epoch 2" in after[one].reason for one in stopped)
    assert {after[one].last_epoch for one in complete if one not in stopped} <= {4, 5}
    assert all(after[t.id] == t for t in before if t.id not in complete)
    # Optuna's numbers that reopened trials have taken are no trials of ours.
    fresh = sorted(after.keys() - {t.id for t in before})
    assert fresh == [f"{6 + len(complete):04d}", f"{7 + len(complete):04d}"]
    assert len(table(tmp_path / "s")) == 8


@pytest.mark.long  # test_resume.py kills one that is not extended
def test_a_driver_killed_in_the_middle_is_resumed(
    sweep_anywhere_without_ray: Sweep, without_ray: Ray, tmp_path: Path
) -> None:
    sweep_anywhere_without_ray(tmp_path, *GRID, "epochs=2", "schedule=none")
    where = f"results={tmp_path}"
    process = start("sweeps.commands.resume", "s", where, "epochs=40")
    wait_for_epochs(process, tmp_path / "s" / "study.log", 3 * 2 + 4)
    kill(process)
    before = saved(tmp_path / "s")
    resume("s", [where], without_ray)
    after = saved(tmp_path / "s")
    assert {path: after[path] for path in before} == before
    assert [t.last_epoch for t in trials(tmp_path / "s")] == [40, 40, 40]
    assert len(after) == 3 * 40


def test_killed_before_all_are_on_record_the_rest_go_on_too(
    sweep_anywhere_without_ray: Sweep,
    without_ray: Ray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sweep_anywhere_without_ray(tmp_path, *GRID, "epochs=1")
    from sweeps.study.study import Study

    reopen = Study.reopen

    def first_alone(study: Study, trials: list[str]) -> None:
        reopen(study, trials[:1])
        study.close()
        raise KeyboardInterrupt

    monkeypatch.setattr(Study, "reopen", first_alone)
    with pytest.raises(KeyboardInterrupt):
        resume("s", [f"results={tmp_path}", "epochs=2"], without_ray)
    monkeypatch.undo()
    assert [t.state.value for t in trials(tmp_path / "s")] == ["running", "complete", "complete"]
    resume("s", [f"results={tmp_path}"], without_ray)
    assert [t.last_epoch for t in trials(tmp_path / "s")] == [2, 2, 2]


def test_a_population_goes_on_in_generations(
    sweep_anywhere_without_ray: Sweep, without_ray: Ray, tmp_path: Path
) -> None:
    words = ("search=random", "stop=pbt", "stop.interval=1", "budget.trials=4", "epochs=2")
    sweep_anywhere_without_ray(tmp_path, *words, "optimizer.lr=tag(log,interval(1e-4,1e-1))")
    resume("s", [f"results={tmp_path}", "epochs=4"], without_ray)
    after = trials(tmp_path / "s")
    living = [t for t in after if t.state.value == "complete"]
    assert [t.last_epoch for t in living] == [4] * 4
    assert {t.source.epoch for t in after if t.source is not None} == {1, 2, 3}


def test_repeats_of_the_best_go_on_as_well(
    sweep_anywhere_without_ray: Sweep, without_ray: Ray, tmp_path: Path
) -> None:
    words = (*GRID, "repeats.top=1", "repeats.seeds=2", "epochs=1")
    sweep_anywhere_without_ray(tmp_path, *words)
    resume("s", [f"results={tmp_path}", "epochs=2"], without_ray)
    after = trials(tmp_path / "s")
    assert [t.last_epoch for t in after] == [2] * len(after)
    best = json.loads((tmp_path / "s" / "summary.json").read_text())["best"]["trial"]
    assert sum(t.repeat_of == best for t in after) == 2


def test_what_was_out_of_patience_has_ended(
    sweep_anywhere_without_ray: Sweep, without_ray: Ray, tmp_path: Path
) -> None:
    words = (*GRID, "epochs=6", "patience=1", "optimizer.lr=0.5")
    sweep_anywhere_without_ray(tmp_path, *words)
    before = trials(tmp_path / "s")
    out_of_patience = [t for t in before if t.reason]
    assert out_of_patience
    resume("s", [f"results={tmp_path}", "epochs=7"], without_ray)
    after = {t.id: t for t in trials(tmp_path / "s")}
    assert all(after[t.id] == t for t in out_of_patience)


class TestRefused:
    def test_where_the_epochs_are_swept(
        self, sweep_anywhere_without_ray: Sweep, without_ray: Ray, tmp_path: Path
    ) -> None:
        sweep_anywhere_without_ray(tmp_path, "search=grid", "stop=none", "epochs=1,2")
        with pytest.raises(ConfigError, match="epochs is swept over here"):
            resume("s", [f"results={tmp_path}", "epochs=4"], without_ray)

    def test_while_the_budget_lets_none_go_on(
        self, sweep_anywhere_without_ray: Sweep, without_ray: Ray, tmp_path: Path
    ) -> None:
        sweep_anywhere_without_ray(tmp_path, *GRID, "epochs=1", "budget.epochs=3")
        before = (tmp_path / "s" / "study.log").read_bytes()
        with pytest.raises(ConfigError, match=r'3 epochs is spent.* ARGS="budget\.epochs=\+100"'):
            resume("s", [f"results={tmp_path}", "epochs=2"], without_ray)
        assert (tmp_path / "s" / "study.log").read_bytes() == before
        resume("s", [f"results={tmp_path}", "epochs=2", "budget.epochs=+100"], without_ray)
        assert [t.last_epoch for t in trials(tmp_path / "s")] == [2] * 3

    def test_if_conf_has_changed_its_epochs_without_a_word(
        self, sweep_anywhere_without_ray: Sweep, without_ray: Ray, tmp_path: Path
    ) -> None:
        ran = sweep_anywhere_without_ray(tmp_path, *GRID, "epochs=1")
        path = ran.folder.sweep
        path.write_text(path.read_text().replace("\n- epochs=1\n", "\n- epochs=2\n"))
        with pytest.raises(ConfigError, match="epochs was 1, and is 2 now"):
            resume("s", [f"results={tmp_path}"], without_ray)
