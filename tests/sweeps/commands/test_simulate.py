"""`make simulate`, as a person gives it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from sweeps import results_folder
from sweeps.checked.check import check
from sweeps.commands import simulate
from sweeps.config.composition import compose
from sweeps.study.open import open_study
from sweeps.trials import State

SMALL = ("space=null", "optimizer.lr=tag(log,interval(1e-4,1e-1))", "model.depth=1,2,3", "epochs=4")


def say(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["simulate", *words])
    simulate.main()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read-only results: a finished sweep, `old`, and one that never trained, `bare`."""
    results = tmp_path_factory.mktemp("recorded")
    for name, trials in (("old", 3), ("bare", 0)):
        words = [*SMALL, "stop=asha", "stop.grace=2", "budget.trials=6", f"name={name}"]
        with compose(words) as composition:
            sweep = check(composition)
            folder = results_folder.create(results, name)
            results_folder.write_sweep(folder, sweep.config, composition.overrides, "data")
            study = open_study(folder.study, sweep.objective, sweep.space, name, create=True)
            for number in range(trials):
                trial = study.propose(sweep.search).id
                for epoch in range(1, 5):
                    metrics = {"val_accuracy": number / 10 + epoch / 100, "epoch_s": 3.0}
                    study.report(trial, epoch, metrics, "me", "atlas")
                study.end(trial, State.COMPLETE)
            study.close()
    return results


def test_tells_what_came_of_made_up_curves(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*SMALL, "search=random", "stop=asha", "trials=30", "seeds=2", "workers=3", "seed=5"]
    say(monkeypatch, *words)
    told = capsys.readouterr().out
    assert "random search, asha stop, 3 workers, up to 4 epochs a trial" in told
    assert "synthetic" in told
    rows = [line.split() for line in told.splitlines() if line.strip()[:2] in ("5 ", "6 ")]
    assert [row[:2] for row in rows] == [["5", "30"], ["6", "30"]]
    assert all(30 < int(row[2]) < 120 for row in rows)
    assert "over 2 seeds" in told


def test_replays_a_recorded_sweep_with_its_own_budget_and_another_stop(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], recorded: Path
) -> None:
    """Another stop takes `stop.grace` of the record away with it."""
    say(monkeypatch, "old", f"results={recorded}", "search=random", "stop=none", "seeds=1")
    told = capsys.readouterr().out
    assert "old in simulated time: random search, none stop, 8 workers" in told
    assert "3 trials of" in told
    row = next(line.split() for line in told.splitlines() if line.strip().startswith("0 "))
    assert row[:5] == ["0", "6", "24", "0%", "0:12"]
    assert "0.2400" in row


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("workers=0", "workers=0 must be a whole number of 1 or more: workers=8"),
        ("seeds=many", "seeds=many must be a whole number of 1 or more: seeds=5"),
        ("worker=3", "worker=3: there is no such option; did you mean workers?"),
        ("stop.grce=1", "stop.grce: there is no such key; did you mean stop.grace?"),
        ("old new", "name one sweep, not old and new: make simulate SWEEP=mnist"),
        ("odl results={}", "SWEEP=odl: no such sweep in {} (there are: bare, old)"),
        ("bare results={}", "none of the 0 trials of {}/bare has an epoch on record"),
        ("old results={} epochs=5", "epochs=5 is more than the 4 that the curves have: epochs=4"),
        ("old results={} model.depth=1", "model.depth=1: a recorded sweep keeps its model.depth"),
    ],
)
def test_refuses_in_a_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    recorded: Path,
    words: str,
    message: str,
) -> None:
    with pytest.raises(SystemExit) as end:
        say(monkeypatch, *words.replace("{}", str(recorded)).split())
    assert end.value.code == 2
    output = capsys.readouterr()
    assert output.err.startswith(f"error: {message.replace('{}', str(recorded))}")
    assert len(output.err.splitlines()) <= 2
    assert output.out == "", "before anything is told"


def test_a_space_that_has_changed_since_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    recorded: Path,
    tmp_path: Path,
) -> None:
    shutil.copytree(recorded / "old", tmp_path / "old")
    path = tmp_path / "old" / "sweep.yaml"
    content = path.read_text()
    assert "  space: null" in content
    path.write_text(content.replace("  space: null", "  space: {model.width: '8,16'}"))
    with pytest.raises(SystemExit):
        say(monkeypatch, "old", f"results={tmp_path}")
    assert "conf/ has changed since old was run" in capsys.readouterr().err
