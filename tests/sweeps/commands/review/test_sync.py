"""`make sync` sends what the record has and W&B has not, and says what is there."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import nullcontext
from pathlib import Path
from typing import NoReturn

import pytest

from sweeps.commands.review import sync as sync_module
from sweeps.commands.review.sync import sync
from sweeps.commands.train import train
from sweeps.config.composition import compose
from sweeps.findings.finding import Findings
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.study.lock import Owner, hold
from sweeps.tracking import Table, wandb_runs
from tests.sweeps.conftest import NoRay, begun
from tests.sweeps.processes import finish, start
from tests.sweeps.waiting import until
from tests.wandb_server import WandbServer
from trainers.errors import ConfigError

pytestmark = pytest.mark.machines


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a small sweep that was run offline."""
    results = tmp_path_factory.mktemp("results")
    os.environ["WANDB_MODE"] = "offline"
    try:
        begun(
            lambda: nullcontext(NoRay(own=True, address="")),
            "name=s", "track=wandb", "space=null", "model.width=8,16", "search=grid", "stop=none",
            "epochs=2", "data.fraction=0.1", "max_concurrent=1", f"results={results}",
        )  # fmt: skip
    finally:
        del os.environ["WANDB_MODE"]
    return results


@pytest.fixture
def moved(swept: Path, tmp_path: Path) -> Path:
    """A copy of these results, in another place."""
    return shutil.copytree(swept, tmp_path / "moved", symlinks=True)


def test_an_offline_sweep_is_sent_once(
    swept: Path, moved: Path, server: WandbServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sync("s", {"results": str(moved)}) == 0
    told = capsys.readouterr().out
    assert "epochs                  4 of 4, 4 of them sent now" in told
    assert "all is there" in told
    runs = {run.config.get("trial"): run for run in server.runs.values()}
    assert set(runs) == {"0000", "0001", None}
    for trial in ("0000", "0001"):
        assert [row["epoch"] for row in runs[trial].history] == [1, 2]
        assert runs[trial].config["choices"]["search"] == "grid"
        assert (runs[trial].state, runs[trial].summary["state"]) == ("finished", "complete")
    assert runs[None].summary["tables/trials"]["nrows"] == 2
    changes = server.changes
    assert sync("s", {"results": str(moved)}) == 0
    told = capsys.readouterr().out
    assert "sent now" not in told
    assert server.changes == changes
    shutil.rmtree(moved / "s" / "trials" / "0001" / "epoch_001")
    assert sync("s", {"results": str(moved)}) == 0, "W&B has it"
    # Nothing is left behind in the sweep's folder but the marks of wandb's own logs.
    before = {path.relative_to(swept) for path in swept.rglob("*")}
    after = {path.relative_to(moved) for path in moved.rglob("*")}
    assert {path.suffix for path in after - before} <= {".synced"}


def test_a_killed_sync_leaves_nothing_that_the_next_does_not_remove(
    moved: Path, tmp_path: Path
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with WandbServer() as server:
        words = ("sweeps.commands.review.sync", "s", f"results={moved}")
        around = {"WANDB_BASE_URL": server.url, "WANDB_API_KEY": server.key}
        around["TMPDIR"] = str(temporary)
        killed = start(*words, **around)
        until(lambda: any(run.history for run in server.runs.values()), running=killed)
        os.kill(killed.pid, signal.SIGKILL)
        killed.communicate()
        left = Path(f"/tmp/caviar-wandb-{killed.pid}")
        assert left.is_dir()
        assert [path.name for path in temporary.iterdir()] == []
        code, told = finish(start(*words, **around))
        assert (code, told.splitlines()[-1][:12]) == (0, "all is there"), told
        assert not left.exists()
        assert [path.name for path in temporary.iterdir()] == []
        trials = [run for run in server.runs.values() if run.job_type == "trial"]
        assert [[row["epoch"] for row in run.history] for run in trials] == [[1, 2]] * 2


def test_what_hinders_a_sync_is_one_line_without_the_key(
    swept: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    given = {"results": str(swept)}
    with WandbServer() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        with pytest.raises(ConfigError, match="no key of W&B is known"):
            sync("s", given)
        wrong = "f" * 40
        monkeypatch.setenv("WANDB_API_KEY", wrong)
        with pytest.raises(ConfigError, match="does not take this key") as refused:
            sync("s", given)
        assert wrong not in str(refused.value)
        assert "\n" not in str(refused.value)
        monkeypatch.setenv("WANDB_API_KEY", server.key)
        server.stop()
        with pytest.raises(ConfigError, match="cannot be reached"):
            sync("s", given)
        lock = hold(swept / "s" / "study.log.driver", "s", Owner.me())
        with pytest.raises(ConfigError, match=r"is in use by process \d+ on .*wait for its end"):
            sync("s", given)
        os.close(lock)
        assert not server.runs
    with pytest.raises(ConfigError, match="nothing"):
        sync("nothing", given)


def test_a_training_by_itself_is_sent(
    tmp_path: Path,
    server: WandbServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    words = ["epochs=2", "data.fraction=0.1", "track=wandb", f"results={tmp_path}"]
    with compose(words) as composition:
        train(composition.base)
    assert "make sync TRAIN=0001" in capsys.readouterr().out
    assert sync("train/0001", {"results": str(tmp_path)}) == 0
    (run,) = server.runs.values()
    assert [row["epoch"] for row in run.history] == [1, 2]
    assert (run.state, run.summary["state"]) == ("finished", "complete")
    assert sorted(len(found) for found in server.artifacts.values()) == [2]
    changes = server.changes
    assert sync("train/0001", {"results": str(tmp_path)}) == 0
    assert server.changes == changes


def test_findings_that_fail_keep_nothing_else_from_being_sent(
    moved: Path,
    server: WandbServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def failing(sweep: RecordedSweep) -> Findings:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(sync_module, "findings", failing)
    assert sync("s", {"results": str(moved)}) == 1  # not all arrived that was to be sent
    trials = {run.config["trial"]: run for run in server.runs.values()}
    told = capsys.readouterr().out
    assert "the review could not be made (ZeroDivisionError: by zero), and is not sent" in told
    assert told.splitlines()[-1] == "all else is there"
    assert {len(run.history) for run in trials.values()} == {2}
    assert set(trials) == {"0000", "0001"}


def test_a_summary_that_fails_keeps_nothing_else_from_being_sent(
    moved: Path,
    server: WandbServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def failing(table: Table) -> NoReturn:
        raise ZeroDivisionError("by zero")

    with monkeypatch.context() as patch:
        patch.setattr(wandb_runs, "wandb_table", failing)
        assert sync("s", {"results": str(moved)}) == 1
    told = capsys.readouterr().out
    assert "summary could not be sent (ZeroDivisionError: by zero)" in told
    assert sync("s", {"results": str(moved)}) == 0
    assert "all is there" in capsys.readouterr().out
    trials = [run for run in server.runs.values() if run.config.get("trial")]
    assert [len(run.history) for run in trials] == [2, 2]
