"""What a stopping rule would have saved on the last sweep."""

from __future__ import annotations

from pathlib import Path

from sweeps import results_folder
from sweeps.checked.check import check
from sweeps.checked.sweep import Sweep
from sweeps.cli import use_plugins
from sweeps.config.composition import compose
from sweeps.simulation.hindsight import hindsight
from sweeps.study.open import open_study
from sweeps.trials import State

WORDS = (
    "stop=asha",
    "space=null",
    "baseline=false",
    "optimizer.lr=tag(log,interval(1e-4,1e-1))",
    "epochs=9",
)


def checked(where: Path, *words: str) -> Sweep:
    use_plugins()
    with compose([*WORDS, f"results={where}", *words]) as composition:
        return check(composition)


def recorded(where: Path, name: str, trials: int, best: float, *words: str) -> None:
    """A sweep in which every trial is worse than the one before from its first epoch on."""
    sweep = checked(where, *words)
    folder = results_folder.create(where, name)
    results_folder.write_sweep(folder, sweep.config, sweep.composition.overrides, "data")
    study = open_study(folder.study, sweep.objective, sweep.space, name, create=True)
    for number in range(trials):
        record = study.propose(sweep.search)
        for epoch in range(1, 10):
            value = best - 0.01 * number - 0.001 * (9 - epoch)
            study.report(record.id, epoch, {"val_accuracy": value, "epoch_s": 1.0}, "", "here")
        study.end(record.id, State.COMPLETE)
    study.close()


def test_tells_what_would_have_been_saved(tmp_path: Path) -> None:
    recorded(tmp_path, "before", 6, 0.9)
    # Of two at a time the first goes on to its end, and all others stop after their first epoch.
    told = "would have trained 14 of the 54 epochs of before's 6 trials, and found 0.9000"
    assert f"stop=asha {told}" in hindsight(checked(tmp_path))
    assert f"stop=asha {told}" in hindsight(checked(tmp_path, "stop=none"))


def test_takes_the_latest_of_the_same_space(tmp_path: Path) -> None:
    recorded(tmp_path, "one", 5, 0.5)
    recorded(tmp_path, "two", 5, 0.6)
    recorded(tmp_path, "other", 5, 0.7, "model.depth=1,2")
    recorded(tmp_path, "few", 4, 0.8)
    assert "of two's 5 trials" in hindsight(checked(tmp_path))


def test_says_nothing_where_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert hindsight(checked(tmp_path)) == ""
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "sweep.yaml").write_text("{")
    assert hindsight(checked(tmp_path)) == ""


def test_says_nothing_of_one_that_runs(tmp_path: Path) -> None:
    recorded(tmp_path, "before", 6, 0.9)
    sweep = checked(tmp_path)
    assert hindsight(sweep)
    study = open_study(tmp_path / "before" / "study.log", sweep.objective, sweep.space, "s", False)
    study.propose(sweep.search)
    assert hindsight(sweep) == ""
    study.close()
