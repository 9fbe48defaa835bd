"""A report is made once, kept in the record and updated; what is in the way is one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeps.findings.finding import Findings
from sweeps.recorded.recorded_sweep import RecordedSweep, read
from sweeps.report.wandb_report import ATTRIBUTE, publish
from sweeps.results_folder import Folder
from sweeps.study.storage import annotate
from sweeps.tracking.run_id import run_id
from tests.sweeps.report.reports import FOUND, ODD, at_server, panels, runsets, texts
from tests.sweeps.transfer.test_previous_sweeps import LR, composed, run
from tests.wandb_server import Run, WandbServer
from trainers.errors import ConfigError

pytestmark = pytest.mark.machines


@pytest.fixture(autouse=True)
def nothing_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("WANDB")]:
        monkeypatch.delenv(name)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NETRC", raising=False)
    monkeypatch.setenv("WANDB__SERVICE_WAIT", "600")
    yield
    assert capfd.readouterr() == ("", "")
    assert list((tmp_path / "home").iterdir()) == []


def recorded(tmp_path: Path, name: str = "a", *words: str) -> RecordedSweep:
    run(tmp_path, name, LR, "optimizer=adamw,sgd", "track=wandb", *words).close()
    return again(tmp_path, name)


def again(tmp_path: Path, name: str = "a") -> RecordedSweep:
    return read(Folder(tmp_path / name))


def remark(tmp_path: Path, key: str, text: str) -> None:
    told = {"text": text, "by": "Ann", "at": 86400.0}
    annotate(tmp_path / "a" / "study.log", "a", f"remark:{key}", told)


def test_it_is_made_once_and_then_updated(tmp_path: Path, server: WandbServer) -> None:
    runs = at_server(server, recorded(tmp_path))
    runs[1].notes = "mine"
    remark(tmp_path, "0001:x", ODD)
    first = publish([again(tmp_path)], [FOUND])
    assert (first.new, first.notes) == (True, ())
    ((name, view),) = server.views.items()
    assert first.url == f"{server.url}/someone/caviar/reports/a-the-highest-val-accuracy--{name}"
    assert again(tmp_path).attributes[ATTRIBUTE] == {"id": name, "url": first.url}
    assert again(tmp_path).attributes["wandb"] == {"project_url": f"{server.url}/someone/caviar"}
    assert (runs[1].notes, runs[0].notes) == (f"mine\n{ODD} (Ann, 1970-01-02)", "")

    second = publish([again(tmp_path)], [Findings(())])
    assert (second.new, second.url) == (False, first.url)
    assert (view := server.views[name]).saved == 2
    assert "Nothing yet." in texts(view.spec)
    assert runs[1].notes.count(ODD) == 1, "no remark is written twice"

    server.views.clear()  # somebody deletes it at W&B
    third = publish([again(tmp_path)], [FOUND])
    assert third.new
    assert again(tmp_path).attributes[ATTRIBUTE]["url"] == third.url
    assert server.unknown == []


def test_it_shows_all_runs_of_this_sweep_alone(tmp_path: Path, server: WandbServer) -> None:
    sweep = recorded(tmp_path)
    at_server(server, sweep)
    server.runs["other"] = Run("other", "caviar", group="a")  # of another sweep of this name
    publish([sweep], [FOUND])
    (view,) = server.views.values()
    assert view.title == "a: the highest val_accuracy"
    (runset,) = runsets(view.spec)[0]
    filters = {f["key"]["name"]: f["value"] for f in runset["filters"]["filters"]}
    ours = [run_id("a", sweep.uid, trial.id) for trial in sweep.trials]
    assert filters == {"group": "a", "jobType": "trial", "name": ours}
    assert runset["sort"]["keys"] == [
        {"key": {"section": "summary", "name": "best_val_accuracy"}, "ascending": False}
    ]
    assert [c["targetKey"] for c in panels(view.spec, "Parameter Importance")] == [
        "best_val_accuracy"
    ]
    (axes,) = panels(view.spec, "Parallel Coordinates Plot")
    assert [(column["accessor"], column.get("log")) for column in axes["columns"]] == [
        ("config:choices.value.optimizer", None),
        ("config:optimizer.value.lr", True),
        ("summary:best_val_accuracy", None),
    ]
    curves = list(panels(view.spec, "Run History Line Plot"))
    assert (curves[0]["metrics"], curves[0]["xAxis"]) == (["val_accuracy"], "epoch")
    assert {curve["limit"] for curve in curves} == {len(sweep.trials)}
    scatters = [c["xAxis"] for c in panels(view.spec, "Scatter Plot")]
    assert scatters == ["config:choices.value.optimizer", "config:optimizer.value.lr"]
    assert list(panels(view.spec, "Run Comparer"))
    shown = list(texts(view.spec))
    assert f"0001 won {ODD}" in shown
    assert "make sweep ARGS='width=8'" in shown
    assert not any(str(tmp_path) in text for text in shown)


def test_sweeps_are_side_by_side_while_one_of_them_runs(
    tmp_path: Path, server: WandbServer
) -> None:
    first = recorded(tmp_path)
    study = run(tmp_path, "b", LR, "track=wandb", keep_open=True)
    for sweep in (first, again(tmp_path, "b")):
        at_server(server, sweep, trials=4)
    made = publish([first, again(tmp_path, "b")], [FOUND, FOUND])
    assert [note.split(":")[0] for note in made.notes] == [
        "4 of 6 trials of a are at W&B",
        "4 of 6 trials of b are at W&B",
    ]
    with composed(tmp_path, "name=c", LR) as sweep:
        study.propose(sweep.search)  # the driver goes on writing
    study.close()
    (view,) = server.views.values()
    assert [runset["name"] for runset in runsets(view.spec)[0]] == ["a", "b"]
    assert len(again(tmp_path, "b").trials) == 7
    kept = [
        key
        for name in ("a", "b")
        for key in again(tmp_path, name).attributes
        if key.startswith(ATTRIBUTE)
    ]
    assert len(kept) == 1
    assert kept != [ATTRIBUTE], "a report of each alone is another one"
    assert not publish([again(tmp_path, "b"), again(tmp_path)], [FOUND, FOUND]).new


def test_what_is_in_the_way_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: WandbServer
) -> None:
    sweep = recorded(tmp_path)

    def refused() -> str:
        with pytest.raises(ConfigError) as refusal:
            publish([sweep], [FOUND])
        text = str(refusal.value)
        assert "\n" not in text
        return text

    assert "nothing of a is at W&B yet: make sync SWEEP=a" in refused()
    monkeypatch.setenv("WANDB_MODE", "offline")  # asks that runs stay here, of a report as well
    assert "WANDB_MODE=offline keeps W&B off the network" in refused()
    monkeypatch.delenv("WANDB_MODE")
    server.refuse_key = True
    assert "does not take this key" in refused()
    monkeypatch.delenv("WANDB_API_KEY")
    assert "no key of W&B is known" in refused()
    monkeypatch.setenv("WANDB_API_KEY", server.key)
    server.stop()
    assert "cannot be reached" in refused()
    server.start()
    server.refuse_key = False
    monkeypatch.setitem(sys.modules, "wandb_workspaces.reports.v2", None)
    assert "to=wandb needs wandb-workspaces" in refused()
    assert ATTRIBUTE not in again(tmp_path).attributes
