"""Data, W&B and a trial: found, missing, and tried for real."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import wandb

from cluster.checks import work
from cluster.checks.check import Verdict


def test_data_are_found_where_they_lie(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATA_ROOT", str(tmp_path))
    check = work.data()
    assert check.verdict is Verdict.WARN
    assert "none of hw1p2, hw1p2_legacy, libriphone, mnist in" in check.found
    (tmp_path / "mnist").mkdir()
    assert work.data().verdict is Verdict.WARN, "an empty folder is no data"
    (tmp_path / "mnist" / "train").touch()
    assert work.data().found == f"mnist in {tmp_path}"
    monkeypatch.setenv("DATA_ROOT", str(tmp_path / "gone"))
    assert work.data().verdict is Verdict.FAIL
    monkeypatch.delenv("DATA_ROOT")
    monkeypatch.chdir(tmp_path)
    assert work.data().verdict is Verdict.WARN


@pytest.fixture
def no_wandb_left() -> Iterator[None]:
    """The settings that wandb has read are no other test's."""
    yield
    wandb.teardown()


@pytest.mark.usefixtures("no_wandb_left")
def test_a_key_is_told_and_never_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example")
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    assert work.wandb().found == "a key for https://wandb.example"
    monkeypatch.delenv("WANDB_API_KEY")
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    assert "offline" in work.wandb().found
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert work.wandb().found == "WANDB_MODE=offline"


@pytest.mark.machines
def test_a_trial_that_cannot_run_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    check = work.trial()
    assert check.verdict is Verdict.FAIL
    assert "PYTHONOPTIMIZE is set" in check.found
