"""What is logged is on disk and at the server whole, by wandb's own files and a stand-in server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sweeps.tracking import Table
from sweeps.tracking.tracker import Remarked
from tests.sweeps.tracking.tracked import (
    CONFIG,
    ROOT,
    TRIALS,
    UID,
    epochs_of,
    logs,
    of_kind,
    outcome,
    read_back,
    results,
    run_id,
    summary_of,
    tracker,
    train,
    upload,
)
from tests.sweeps.waiting import until
from tests.wandb_server import WandbServer
from trainers.files.histograms import Histogram, save

pytestmark = pytest.mark.machines


def test_histograms_go_with_their_epoch(folder: Path) -> None:
    """Those that the trainer kept beside the checkpoints, where they are asked for."""
    trial = folder / "trials" / "0000"
    for epoch in (1, 2):
        (trial / f"epoch_{epoch:03d}").mkdir(parents=True)
        drawn = {"weights/w": Histogram(-1.0, 3.0, (5, 0, 2, epoch))}
        save(trial, epoch, drawn | {"gradients/b": Histogram(2.0, 2.0, (7, 0, 0, 0))})
    for wanted in (True, False):
        track = tracker(folder, histograms=wanted, checkpoints="none")
        name = f"00{wanted:02d}"
        track.trial_started(name, CONFIG, 0)
        for epoch in (1, 2):
            track.epoch(name, epoch, {"val_accuracy": 0.5}, trial / f"epoch_{epoch:03d}", True)
        track.trial_ended(name, "complete", "", {})
        track.close()
        items = [row["item"] for row in of_kind(read_back(folder, name), "history")]
        if wanted:
            assert [i["weights/w.values"] for i in items] == [[5, 0, 2, 1], [5, 0, 2, 2]]
            assert items[0]["weights/w.bins"] == [-1.0, 0.0, 1.0, 2.0, 3.0]
            assert [i["gradients/b.values"][0] for i in items] == [7, 7]
        else:
            assert not any(key.startswith(("weights", "gradients")) for i in items for key in i)


def test_an_offline_sweep_is_on_disk_whole(folder: Path) -> None:
    track = tracker(folder)
    for trial in ("0000", "0001", "0002"):
        track.trial_started(trial, CONFIG, 0)
        train(track, trial, folder, range(1, 4))
    track.trial_ended("0000", "complete", "", {"test_acc": 0.9})
    track.trial_ended("0001", "stopped", "ASHA: not among the best third at epoch 3", {})
    track.trial_ended("0002", "diverged", "val_loss is nan at epoch 4", {})
    track.close()

    records = read_back(folder, "0000")
    (run,) = of_kind(records, "run")[:1]
    assert (run["run_id"], run["display_name"]) == (run_id("0000"), "0000")
    assert (run["run_group"], run["job_type"]) == ("quick start", "trial")
    config = run["config"]["update"]
    assert config["optimizer"] == {"lr": 0.1}
    assert (config["trial"], config["sweep"]) == ("0000", "quick start")
    everything_by_epoch = {"glob_name": "*", "step_metric": "epoch"}
    assert any(everything_by_epoch.items() <= m.items() for m in of_kind(records, "metric"))
    rows = [row["item"] for row in of_kind(records, "history")]
    assert [(row["epoch"], row["val_acc"]) for row in rows] == [(1, 0.51), (2, 0.52), (3, 0.53)]
    summary = summary_of(records)
    assert (summary["best_epoch"], summary["best_val_acc"]) == (2, 0.52)
    assert (summary["state"], summary["test_acc"]) == ("complete", 0.9)
    versions = of_kind(records, "artifact")
    assert {version["name"] for version in versions} == {f"ckpt-{run_id('0000')}"}
    assert [set(version["aliases"]) for version in versions] == [
        {"latest", "epoch-1"},
        {"latest", "epoch-2", "best"},
        {"latest", "epoch-3"},
    ]
    (file,) = versions[0]["manifest"]["contents"]
    assert file["local_path"] == str(folder / "trials/0000/epoch_001/model.pt")  # not a copy

    assert (outcome(folder, "0000")["exit_code"], outcome(folder, "0000")["tags"]) == (
        0,
        ["complete"],
    )
    stopped = outcome(folder, "0001")
    assert (stopped["exit_code"], stopped["tags"]) == (0, ["early-stopped"])
    assert stopped["summary"]["reason"] == "ASHA: not among the best third at epoch 3"
    diverged = outcome(folder, "0002")
    assert diverged["tags"] == ["diverged"]
    assert (diverged["exit_code"], diverged["summary"]["state"]) == (1, "diverged")


@pytest.mark.parametrize(("wanted", "epochs"), [("all", [2, 4]), ("best", [2])])
def test_of_checkpoints_that_do_not_all_stay_those_that_do_are_uploaded(
    wanted: str, epochs: list[int], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track = tracker(folder, checkpoints=wanted)
    track.trial_started("0000", {**CONFIG, "checkpoint": {"keep": "best_and_last"}}, 0)
    for epoch in range(1, 5):
        train(track, "0000", folder, range(epoch, epoch + 1))
        for gone in range(1, epoch):
            if gone != 2:  # as a trainer prunes, at once
                shutil.rmtree(folder / "trials" / "0000" / f"epoch_{gone:03}", ignore_errors=True)
    track.trial_ended("0000", "complete", "", {})
    track.close()
    with WandbServer() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", server.key)
        upload(folder)
    assert [row["epoch"] for row in server.runs[run_id("0000")].history] == [1, 2, 3, 4]
    versions = server.artifacts[f"ckpt-{run_id('0000')}"]
    assert [version.files["model.pt"] for version in versions] == [
        f"0000 {epoch}".encode() for epoch in epochs
    ]
    assert "best" in versions[0].aliases


def test_a_run_is_named_by_what_differs_and_can_be_grouped_by_choices(
    folder: Path, server: WandbServer
) -> None:
    told = {"differs": "optimizer sgd, lr 0.05", "choices": {"optimizer": "sgd"}}
    first = tracker(folder, checkpoints="none")
    first.trial_started("0000", {**CONFIG, **told, "experiment": "hw1p2"}, 0)
    load = {"machine/cpu_percent": 50.0}
    first.epoch("0000", 1, {"val_acc": 0.5, **load}, None, True)
    first.trial_ended("0000", "paused", "", {})
    first.close()
    run = server.runs[run_id("0000")]
    assert (run.display_name, run.tags) == ("0000 optimizer sgd, lr 0.05", ["hw1p2"])
    assert run.config["choices"] == {"optimizer": "sgd"}
    assert run.history[0]["machine/cpu_percent"] == 50.0
    assert run.summary["best_val_acc"] == 0.5
    assert not any(key.startswith("best_machine") for key in run.summary)

    run.tags = ["hw1p2", "mine"]
    second = tracker(folder, checkpoints="none")  # of a later session, which never handed it out
    second.trial_ended("0000", "stopped", "not promoted after epoch 1", {})
    second.close()
    assert run.display_name == "0000 optimizer sgd, lr 0.05"
    assert run.tags == ["hw1p2", "mine", "early-stopped"]
    assert run.config["choices"] == {"optimizer": "sgd"}


def test_a_resumed_offline_sweep_is_uploaded_without_an_epoch_twice(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tracker(folder)
    first.trial_started("0000", CONFIG, 0)
    train(first, "0000", folder, range(1, 3))
    first.close()
    empty = folder / "wandb/offline-run-20200101_000000-killed"  # as a SIGKILL leaves behind
    empty.mkdir()
    (empty / "run-killed.wandb").write_bytes(logs(folder, "0000")[0].read_bytes()[:7])
    os.utime(empty / "run-killed.wandb", (0, 0))
    second = tracker(folder)
    second.trial_started("0000", CONFIG, 2)
    train(second, "0000", folder, range(2, 5))
    second.trial_ended("0000", "complete", "", {})
    second.sweep_ended(results({"trials": 1}))
    second.close()
    assert len(logs(folder, "0000")) == 2
    assert epochs_of(read_back(folder, "0000")) == [1, 2, 3, 4]

    with WandbServer() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", server.key)
        upload(folder)
    run = server.runs[run_id("0000")]
    assert [row["epoch"] for row in run.history] == [1, 2, 3, 4]
    assert run.state == "finished"
    versions = server.artifacts[f"ckpt-{run_id('0000')}"]
    contents = [version.files["model.pt"] for version in versions]
    assert contents == [b"0000 1", b"0000 2", b"0000 3", b"0000 4"]
    assert server.runs[run_id("summary")].summary["trials"] == 1


def test_a_trial_that_waited_and_was_ended_is_known_as_ended(
    folder: Path, server: WandbServer
) -> None:
    track = tracker(folder)
    track.trial_started("0000", CONFIG, 0)
    train(track, "0000", folder, range(1, 3))
    track.trial_ended("0000", "paused", "", {})
    track.trial_ended("0000", "stopped", "not promoted after epoch 2", {"best_epoch": 2})
    track.close()
    run = server.runs[run_id("0000")]
    assert run.summary["state"] == "stopped"
    assert run.summary["reason"] == "not promoted after epoch 2"
    assert [row["epoch"] for row in run.history] == [1, 2]
    assert run.config["optimizer"] == CONFIG["optimizer"]
    assert run.state == "finished"


def test_online_the_server_has_it_all(folder: Path, server: WandbServer) -> None:
    track = tracker(folder)
    for trial, state in (("0000", "complete"), ("0001", "stopped"), ("0002", "failed")):
        track.trial_started(trial, CONFIG, 0)
        train(track, trial, folder, range(1, 4))
        track.trial_ended(trial, state, "why", {})
    track.sweep_ended(results({"trials": 3, "best": {"trial": "0000"}}))
    track.close()

    runs = server.runs
    assert list(runs) == [run_id(name) for name in ("0000", "0001", "0002", "summary")]
    first = runs[run_id("0000")]
    assert (first.project, first.group, first.job_type) == ("caviar", "quick start", "trial")
    assert (first.config["trial"], first.config["optimizer"]) == ("0000", {"lr": 0.1})
    assert [(row["epoch"], row["val_acc"]) for row in first.history] == [
        (1, 0.51),
        (2, 0.52),
        (3, 0.53),
    ]
    assert (first.summary["best_epoch"], first.summary["state"]) == (2, "complete")
    assert [runs[run_id(t)].exit_code for t in ("0000", "0001", "0002")] == [0, 0, 1]
    assert runs[run_id("0001")].tags == ["early-stopped"]
    versions = server.artifacts[f"ckpt-{run_id('0000')}"]
    assert [(set(v.aliases), v.files["model.pt"]) for v in versions] == [
        ({"epoch-1"}, b"0000 1"),
        ({"epoch-2", "best"}, b"0000 2"),
        ({"epoch-3", "latest"}, b"0000 3"),
    ]
    sweep = runs[run_id("summary")]
    assert (sweep.job_type, sweep.group, sweep.summary["trials"]) == ("summary", "quick start", 3)
    assert sweep.summary["tables/trials"]["nrows"] == 2
    assert "importance" in sweep.config["_wandb"]["visualize"]
    tables = [v.files for name, vs in server.artifacts.items() if "tables" in name for v in vs]
    shown = [json.loads(content)["data"] for files in tables for content in files.values()]
    assert [list(row) for row in TRIALS.rows] in shown
    assert server.unknown == []
    assert track.notes() == [f"W&B: {server.url}/someone/caviar"]


def test_an_online_run_goes_on_after_a_resume(folder: Path, server: WandbServer) -> None:
    first = tracker(folder)
    first.trial_started("0000", CONFIG, 0)
    train(first, "0000", folder, range(1, 3))
    first.close()
    assert server.runs[run_id("0000")].exit_code == 255  # interrupted
    second = tracker(folder)
    second.trial_started("0000", CONFIG, 2)
    train(second, "0000", folder, range(1, 5))
    second.trial_ended("0000", "complete", "", {})
    second.close()
    run = server.runs[run_id("0000")]
    assert [row["epoch"] for row in run.history] == [1, 2, 3, 4]
    assert run.exit_code == 0
    assert len(server.artifacts[f"ckpt-{run_id('0000')}"]) == 4


def test_no_secret_is_in_any_file_or_sent(folder: Path, server: WandbServer) -> None:
    track = tracker(folder)
    config = {**CONFIG, "wandb": {"api_key": server.key}, "command": f"KEY={server.key} train"}
    track.trial_started("0000", config, 0)
    train(track, "0000", folder, range(1, 3))
    track.trial_ended("0000", "failed", "cannot reach redis://:hunter2@host", {})
    track.close()
    server.stop()
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".wandb" for path in files)
    run = server.runs[run_id("0000")]
    places = [path.read_bytes() for path in files]
    places += [repr(run).encode(), repr(track.notes()).encode(), *run.files.values()]
    for secret in (server.key.encode(), b"hunter2"):
        assert not any(secret in place for place in places)
    assert run.summary["reason"] == "cannot reach redis://:***@host"


def test_a_driver_killed_outright_leaves_its_epochs(folder: Path) -> None:
    script = (
        "import sys, time; from sweeps.tracking import WandbTracker\n"
        f"track = WandbTracker('quick start', {UID!r}, sys.argv[1])\n"
        "track.trial_started('0000', {}, 0)\n"
        "track.epoch('0000', 1, {'val_acc': 0.5}, None, True)\n"
        "time.sleep(3600)"
    )
    driver = subprocess.Popen([sys.executable, "-c", script, str(folder)], cwd=ROOT)
    until(lambda: logs(folder, "0000"))
    until(lambda: epochs_of(read_back(folder, "0000")) == [1])
    driver.kill()
    driver.wait()
    assert epochs_of(read_back(folder, "0000")) == [1]


def reviewed(folder: Path) -> list[Path]:
    """The files that a sweep is reviewed by, and one that is not there."""
    from PIL import Image

    (folder / "report.html").write_text("<p>all of it</p>")
    Image.new("RGB", (4, 4)).save(folder / "confusion.png")
    (folder / "sheet.csv").write_text("a,b\n")
    return [folder / name for name in ("report.html", "confusion.png", "sheet.csv", "gone.xlsx")]


def test_the_summary_run_has_tables_pages_pictures_and_files(
    folder: Path, server: WandbServer
) -> None:
    track = tracker(folder, checkpoints="none")
    ended = results({"trials": 2, "url": "postgresql://me:hunter2@host"})
    more = {**ended.tables, "findings": Table(("finding",), (("<script> =cmd()",),))}
    empty = {"sheet": Table(("trial",), ())}
    track.sweep_ended(replace(ended, tables=more | empty, files=tuple(reviewed(folder))))
    track.close()
    run = server.runs[run_id("summary")]
    assert {key for key in run.summary if "/" in key} == {
        "tables/trials",
        "tables/importances",
        "tables/findings",
        "pages/report",
        "pictures/confusion",
    }
    assert run.summary["url"] == "postgresql://me:***@host"
    pages = [content for name, content in run.files.items() if name.endswith(".html")]
    assert pages == [b"<p>all of it</p>"]
    (version,) = server.artifacts[f"review-{run_id('summary')}"]
    assert sorted(version.files) == ["confusion.png", "report.html", "sheet.csv"]
    assert (server.unknown, run.exit_code) == ([], 0)


def test_offline_the_summary_run_has_all_of_it_too(folder: Path) -> None:
    track = tracker(folder)
    track.sweep_ended(results({"trials": 2}, files=tuple(reviewed(folder))))
    track.close()
    records = read_back(folder, "summary")
    shown = {key.partition(".")[0] for key in summary_of(records)}
    assert shown >= {"tables/trials", "pages/report", "pictures/confusion", "importance_table"}
    (version,) = [one for one in of_kind(records, "artifact") if one["type"] == "review"]
    assert {file["path"] for file in version["manifest"]["contents"]} == {
        "report.html",
        "confusion.png",
        "sheet.csv",
    }


def test_remarks_are_notes_of_runs_that_keep_how_they_ended(
    folder: Path, server: WandbServer
) -> None:
    track = tracker(folder, checkpoints="none")
    for trial, state in (("0000", "complete"), ("0001", "failed")):
        track.trial_started(trial, {**CONFIG, "differs": "lr 0.1"}, 0)
        train(track, trial, folder, range(1, 3))
        track.trial_ended(trial, state, "", {"member": "ann", "machine": "atlas"})
    remarks = (
        Remarked("0000", "complete", "try again"),
        Remarked("0001", "failed", "why?\nno idea"),
    )
    track.sweep_ended(results({}, remarks=remarks))
    track.close()
    runs = [server.runs[run_id(trial)] for trial in ("0000", "0001")]
    assert [run.notes for run in runs] == ["try again", "why?\nno idea"]
    assert [run.exit_code for run in runs] == [0, 1]
    assert [run.tags for run in runs] == [["ann", "atlas", "complete"], ["ann", "atlas", "failed"]]
    assert [run.display_name for run in runs] == ["0000 lr 0.1", "0001 lr 0.1"]
    assert [[row["epoch"] for row in run.history] for run in runs] == [[1, 2], [1, 2]]
    assert runs[0].summary["best_epoch"] == 2

    runs[0].notes = "try again\nmine"
    later = tracker(folder, checkpoints="none")
    later.sweep_ended(results({}, remarks=(Remarked("0000", "complete", "try again\nand so"),)))
    later.close()
    assert runs[0].notes == "try again\nmine\nand so"


def test_remarks_are_kept_offline(folder: Path) -> None:
    track = tracker(folder)
    track.trial_started("0000", CONFIG, 0)
    track.trial_ended("0000", "complete", "", {})
    track.sweep_ended(results({}, remarks=(Remarked("0000", "complete", "try again"),)))
    track.close()
    notes = [run.get("notes") for run in of_kind(read_back(folder, "0000"), "run")]
    assert "try again" in notes
