"""After a sync the server has all, and nothing twice, whatever was the matter with it before."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeps.tracking import SweepResults, wandb_logs
from sweeps.tracking.sync import send
from sweeps.tracking.sync.due_runs import DueRuns
from sweeps.tracking.sync.send import Sync, Synced
from sweeps.tracking.tracker import Remarked
from sweeps.tracking.wandb_connection import WandbSettings
from tests.sweeps.tracking.tracked import (
    CONFIG,
    HARD_LIMIT_S,
    IMPORTANCES,
    ROOT,
    SOON_S,
    TRIALS,
    UID,
    logs,
    run_id,
    tracker,
    train,
    trained,
)
from tests.sweeps.waiting import until
from tests.wandb_server import WandbServer
from trainers.files.histograms import Histogram, save

pytestmark = pytest.mark.machines

#: Trial -> its last epoch, and how it has ended.
ENDS = {"0000": (4, "complete"), "0001": (2, "stopped")}
FIGURES = {"trials": 2, "best": {"trial": "0000", "value": 0.52, "params": {"optimizer.lr": 0.1}}}

REMARK = "12:00 beta: the loss jumps"
SHOWN = SweepResults(
    FIGURES,
    {"trials": TRIALS, "importances": IMPORTANCES},
    remarks=(Remarked("0001", "stopped", REMARK),),
)


class Told:
    """Keeps what an observer is shown."""

    def __init__(self) -> None:
        self.total = self.done = 0.0
        self.messages: list[str] = []

    def begun(self, total: float) -> None:
        self.total = total

    def sent(self, part: float) -> None:
        self.done += part

    def notify(self, message: str) -> None:
        self.messages.append(message)


def due(folder: Path) -> DueRuns:
    """What is on record of the two trials, whose files are left as a trainer leaves them."""
    runs = DueRuns("quick start", UID, folder)
    for trial, (last, state) in ENDS.items():
        runs.trial_started(trial, CONFIG, 0)
        for epoch in range(1, last + 1):
            checkpoint, metrics = trained(trial, folder, epoch)
            runs.epoch(trial, epoch, metrics, checkpoint, epoch == 2)
        runs.trial_ended(trial, state, f"why {trial}", {"best_epoch": 2, "best_value": 0.52})
    runs.sweep_ended(SHOWN)
    return runs


def sync(
    folder: Path, runs: DueRuns | None = None, init_s: float = HARD_LIMIT_S
) -> tuple[Synced, Told]:
    told = Told()
    scratch = folder.parent / "scratch"
    settings = WandbSettings(
        "quick start", UID, scratch, "caviar", None, "online", init_s, without_server=False
    )
    done = Sync(runs or due(folder), settings, "all", folder, told)()
    return done, told


def whole(server: WandbServer) -> None:
    """All is there, and nothing twice."""
    for trial, (last, state) in ENDS.items():
        run = server.runs[run_id(trial)]
        assert [row["epoch"] for row in run.history] == list(range(1, last + 1))
        assert [row["val_acc"] for row in run.history] == [
            0.5 + n / 100 for n in range(1, last + 1)
        ]
        summary = {k: run.summary.get(k) for k in ("state", "reason", "best_epoch", "epoch")}
        wanted = {"state": state, "reason": f"why {trial}", "best_epoch": 2, "epoch": last}
        assert summary == wanted
        assert run.state == "finished"
        assert (run.notes or "") == (REMARK if trial == "0001" else "")
        versions = server.artifacts[f"ckpt-{run_id(trial)}"]
        files = sorted(v.files["model.pt"] for v in versions)
        assert files == [f"{trial} {n}".encode() for n in range(1, last + 1)]
        marked = {alias: v.files["model.pt"] for v in versions for alias in v.aliases}
        assert (marked["best"], marked["latest"]) == (
            f"{trial} 2".encode(),
            f"{trial} {last}".encode(),
        )
        assert all(f"epoch-{n}" in marked for n in range(1, last + 1))
    summary = server.runs[run_id("summary")].summary
    assert (summary["trials"], summary["tables/trials"]["nrows"]) == (2, 2)
    assert len(server.runs) == 3


def slow(server: WandbServer) -> None:
    server.delay_s = 0.5


def no_key(server: WandbServer) -> None:
    server.refuse_key = True


def too_many(server: WandbServer) -> None:
    server.answers = dict.fromkeys(("graphql", "stream", "upload"), 429)


def broken(server: WandbServer) -> None:
    server.answers = dict.fromkeys(("graphql", "stream", "upload"), 500)


def storage_broken(server: WandbServer) -> None:
    server.answers = {"upload": 500}


def uploads_cut(server: WandbServer) -> None:
    server.cut = {"upload"}


def history_cut(server: WandbServer) -> None:
    server.cut = {"stream"}


def gone(server: WandbServer) -> None:
    server.stop()


def heal(server: WandbServer) -> None:
    server.delay_s, server.refuse_key, server.answers, server.cut = 0.0, False, {}, set()
    if not server.alive:
        server.start()


@pytest.mark.parametrize(
    ("trouble", "when"),
    [
        (slow, "in the middle"),
        (no_key, "in the middle"),
        (too_many, "from the start"),
        (broken, "in the middle"),
        (storage_broken, "for a while"),
        (storage_broken, "in the middle"),
        (uploads_cut, "in the middle"),
        (history_cut, "in the middle"),
        (gone, "from the start"),
        (gone, "for a while"),
        (gone, "in the middle"),
    ],
    ids=lambda given: given if isinstance(given, str) else given.__name__,
)
def test_a_sync_makes_the_server_whole(
    folder: Path, server: WandbServer, trouble: Callable[[WandbServer], None], when: str
) -> None:
    if when == "from the start":
        trouble(server)
    track = tracker(folder, init_timeout_s=SOON_S, close_timeout_s=2 * SOON_S)
    for trial in ENDS:
        track.trial_started(trial, CONFIG, 0)
        train(track, trial, folder, range(1, 2))
    if when != "from the start":
        until(lambda: server.artifacts)
        trouble(server)
    for trial, (last, _) in ENDS.items():
        train(track, trial, folder, range(2, last + 1))
    if when == "for a while":
        heal(server)
    for trial, (_, state) in ENDS.items():
        end = {"best_epoch": 2, "best_value": 0.52}
        track.trial_ended(trial, state, f"why {trial}", end)
    track.sweep_ended(SHOWN)
    track.close()
    heal(server)
    until(lambda: not server.under_way)

    done, told = sync(folder)
    assert done.after is not None
    assert done.after.whole
    assert not told.messages
    assert told.done == pytest.approx(told.total)
    whole(server)
    changes = server.changes
    again, _ = sync(folder)
    assert (again.runs, server.changes) == (0, changes)


def test_what_is_the_matter_during_a_sync_is_waited_for(
    folder: Path, server: WandbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The storage answers 500 for a while, then cuts connections, and so does the history."""
    monkeypatch.setenv("WANDB__FILE_TRANSFER_RETRY_WAIT_MIN_SECONDS", "0.1")
    monkeypatch.setenv("WANDB__FILE_STREAM_RETRY_WAIT_MIN_SECONDS", "0.1")

    def cease() -> None:
        until(lambda: server.refused >= 3)
        server.answers, server.cut = {}, {"upload", "stream"}
        until(lambda: server.refused >= 8)
        heal(server)

    storage_broken(server)
    ceasing = threading.Thread(target=cease)
    ceasing.start()
    done, _ = sync(folder)
    ceasing.join()
    assert done.after is not None
    assert done.after.whole
    whole(server)


def test_a_killed_driver_is_made_up_for(folder: Path, server: WandbServer) -> None:
    """It had sent something of a trial, and its run was left open."""
    script = (
        "import sys, time; from pathlib import Path; from tests.sweeps.tracking.tracked import *\n"
        "folder = Path(sys.argv[1]); track = tracker(folder)\n"
        "track.trial_started('0000', CONFIG, 0); train(track, '0000', folder, range(1, 3))\n"
        "time.sleep(3600)"
    )
    driver = subprocess.Popen([sys.executable, "-c", script, str(folder)], cwd=ROOT)
    until(lambda: len(server.artifacts.get(f"ckpt-{run_id('0000')}", [])) == 2)
    driver.kill()
    driver.wait()
    assert server.runs[run_id("0000")].state == "running"
    until(lambda: not server.under_way)
    done, _ = sync(folder)
    assert done.before.kinds["checkpoints"] == (2, 6)
    assert done.after is not None
    assert done.after.whole
    whole(server)


def test_the_load_of_the_machine_and_histograms_go_with_their_epoch(
    folder: Path, server: WandbServer
) -> None:
    """The load is in the logs of wandb alone, of which one is empty and one is cut."""
    track = tracker(folder, mode="offline")
    track.trial_started("0000", CONFIG, 0)
    for epoch in (1, 2):
        track.epoch("0000", epoch, {"val_acc": 0.5, "machine/cpu_percent": epoch}, None, True)
    track.trial_ended("0000", "complete", "", {})
    track.close()
    (log,) = logs(folder, "0000")
    for number, content in enumerate((log.read_bytes()[:7], log.read_bytes()[:-9])):
        other = log.parents[1] / f"offline-run-20200101_00000{number}-killed" / log.name
        other.parent.mkdir()
        other.write_bytes(content)
    (folder / "trials" / "0000").mkdir(parents=True)
    save(folder / "trials" / "0000", 2, {"weights/w": Histogram(-1.0, 3.0, (5, 0, 2, 1))})
    sync(folder)
    rows = server.runs[run_id("0000")].history
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert [row.get("machine/cpu_percent") for row in rows] == [1, 2, None, None]
    assert rows[1]["weights/w"]["values"] == [5, 0, 2, 1]
    assert not wandb_logs.unsent(folder)


def test_rows_that_are_there_twice_are_told_and_a_checkpoint_that_is_gone_is_missing(
    folder: Path, server: WandbServer
) -> None:
    sync(folder)
    run = server.runs[run_id("0000")]
    run.history += [{**row, "_step": row["_step"] + 4} for row in run.history]
    del server._versions[server.artifacts[f"ckpt-{run_id('0000')}"][0].id]
    runs = due(folder)
    shutil.rmtree(folder / "trials" / "0000" / "epoch_001")
    done, _ = sync(folder, runs)
    assert done.after is not None
    assert (done.after.twice, done.after.gone, done.after.whole) == (4, 1, False)
    assert done.after.kinds["checkpoints"] == (5, 6)
    assert len(run.history) == 8


def test_a_server_that_goes_away_for_good_ends_the_sync(
    folder: Path, server: WandbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "QUIET_S", SOON_S)
    monkeypatch.setattr(send.Sync, "_hand_over", _then(server.stop, send.Sync._hand_over))
    with pytest.raises(send.ServerAway, match=server.url):
        sync(folder, init_s=SOON_S)


def _then(first: Callable[[], None], call: Callable[..., None]) -> Callable[..., None]:
    def both(*given: object) -> None:
        call(*given)
        first()

    return both
