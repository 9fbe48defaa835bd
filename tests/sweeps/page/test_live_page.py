"""A page is made again when the record has changed, and no sooner than the machine can bear."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.page import live_page
from sweeps.page.live_page import LivePage
from sweeps.results_folder import Folder
from sweeps.trials import State
from tests.sweeps.transfer.test_previous_sweeps import LR, composed, run


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_follows_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = run(tmp_path, "a", LR, trials=3, keep_open=True)
    clock, made = Clock(), []
    real = live_page.page_of

    def slow(folders: list[Folder], refresh_s: float) -> str:
        clock.now += 2
        made.append(clock.now)
        return real(folders, refresh_s)

    monkeypatch.setattr(live_page, "page_of", slow)
    page = LivePage([Folder(tmp_path / "a")], clock)
    first = page.version()
    assert b"connect-src &#39;self&#39;" in first.content
    assert page.version() == first
    with composed(tmp_path, "name=b", LR) as sweep:
        trial = study.propose(sweep.search)
    study.report(trial.id, 1, {study.objective.metric: 0.999}, "me", "here")
    study.end(trial.id, State.COMPLETE)
    second = page.version()
    assert second.tag != first.tag
    assert b"0.9990" in second.content
    study.close()
    (tmp_path / "a" / "summary.json").write_text("{}")
    assert page.version() == second, "it was made just now"
    clock.now += 100
    page.version()
    assert len(made) == 3
    clock.now += 100
    second = page.version()
    assert len(made) == 3, "it is not made again for the same record"
    monkeypatch.setattr(live_page, "page_of", _refused)
    with (tmp_path / "a" / "study.log").open("a") as file:
        file.write("\n")
    assert page.version() == second, "what cannot be read now may be later"


def _refused(folders: list[Folder], refresh_s: float) -> str:
    raise ValueError("no figure of this")
