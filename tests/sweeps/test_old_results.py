"""Results that an older commit left behind are gone on with as its own code would have."""

from __future__ import annotations

import csv
import json
import sys
import tarfile
from pathlib import Path

import pytest

from sweeps.backend.ray_session import Ray
from sweeps.cli import use_plugins
from sweeps.commands import simulate
from sweeps.commands.predict import best, predict
from sweeps.commands.replay import replay
from sweeps.commands.resume import resume
from sweeps.results_folder import Folder
from tests.sweeps.processes import saved

ARCHIVE = Path(__file__).parent / "old_results" / "results.tar.gz"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The old folders; see old_results/README.md."""
    use_plugins()
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    for path in [*tmp_path.rglob("*.yaml")]:
        path.write_text(path.read_text().replace("@RESULTS@", str(tmp_path)))
    return tmp_path


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def proposals(folder: Path) -> list[dict[str, float]]:
    return [{k: float(v) for k, v in row.items() if "." in k} for row in table(folder)]


def as_they_would_have_been(results: Path, name: str) -> list[object]:
    known = json.loads((results / "proposals.json").read_text())[name]
    return [pytest.approx(params) for params in known]


@pytest.mark.parametrize(
    ("name", "sweep"), [("plain", "plain"), ("promotion", "promotion"), ("plan", "plan-1")]
)
def test_what_was_killed_is_resumed(name: str, sweep: str, results: Path, without_ray: Ray) -> None:
    before = saved(results / sweep)
    assert len(before) >= 4
    resume(name, [f"results={results}"], without_ray)
    expected = as_they_would_have_been(results, sweep)
    found = proposals(results / sweep)
    assert found == expected[: len(found)]
    assert len(found) == (2 if sweep == "plan-1" else 4)
    assert {row["state"] for row in table(results / sweep)} <= {"complete", "stopped"}
    after = saved(results / sweep)
    assert {path: after[path] for path in before} == before, "a finished epoch was trained again"
    if name == "plan":
        assert [row["state"] for row in table(results / "plan-2")] == ["complete"]


def test_what_was_resumed_is_extended(results: Path, without_ray: Ray) -> None:
    resume("plain", [f"results={results}"], without_ray)
    first = table(results / "plain")
    resume("plain", [f"results={results}", "budget.trials=+1"], without_ray)
    assert table(results / "plain")[:4] == first
    assert proposals(results / "plain") == as_they_would_have_been(results, "plain")


def test_a_shared_study_is_extended_and_its_neighbour_left_alone(
    results: Path, without_ray: Ray
) -> None:
    first, neighbour = table(results / "shared-a"), table(results / "shared-b")
    resume("shared-a", [f"results={results}", "budget.trials=+1"], without_ray)
    assert table(results / "shared-a")[:2] == first
    assert proposals(results / "shared-a") == as_they_would_have_been(results, "shared-a")
    resume("shared-b", [f"results={results}", "budget.trials=+1"], without_ray)
    assert table(results / "shared-b")[:2] == neighbour


def test_an_ablation_is_known_to_be_finished(
    results: Path, without_ray: Ray, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its search was recorded by the name of a module that has moved."""
    assert "sweeps.ablation.Ablation" in (results / "ablation" / "sweep.yaml").read_text()
    resume("ablation", [f"results={results}"], without_ray)
    assert "ablation is finished: 4 trials" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "curves"), [("ablation", 2), ("shared-a", 2)])
def test_a_finished_one_is_simulated(
    name: str,
    curves: int,
    results: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [name, f"results={results}", "search=random", "stop=none", "seeds=1"]
    monkeypatch.setattr(sys, "argv", ["simulate", *words])
    simulate.main()
    output = capsys.readouterr().out
    assert f"{name} in simulated time: random search, none stop" in output
    assert f"curves: {curves} trials of {results / name}" in output


def test_the_schedule_of_a_population_is_replayed(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (child,) = [
        row["child"]
        for row in csv.DictReader((results / "pbt" / "pbt.csv").read_text().splitlines())
        if row["epoch"] == "2"
    ]
    replay("pbt", {"results": str(results), "trial": child, "seed": "0"})
    output = capsys.readouterr().out
    assert f"{child} in one run with seed 0" in output
    assert "replayed: best val_accuracy" in output
    assert (results / "pbt" / "replay" / f"{child}_seed_0" / "epoch_003" / "state.pt").is_file()


@pytest.mark.parametrize("name", ["ablation", "pbt", "shared-a"])
def test_the_best_model_predicts(name: str, results: Path) -> None:
    folder = Folder(results / name)
    summary = json.loads(folder.summary.read_text())
    (first,) = best(folder, 1)
    assert (first.trial, first.value) == (summary["best"]["trial"], summary["best"]["value"])
    predict(name, {"results": str(results)})
    rows = (results / name / "submission.csv").read_text().splitlines()
    assert rows[0] == "id,label"
    assert len(rows) == 1 + 359, "a fifth of the digits"
