"""`make watch` serves a page that follows its sweep in an open browser, and ends cleanly."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeps.commands.review.watch import watch
from tests.sweeps.page.chromium import PROGRAM, chromium
from tests.sweeps.processes import finish, start
from tests.sweeps.transfer.test_previous_sweeps import LR, composed, run
from tests.sweeps.waiting import until
from trainers.errors import ConfigError


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    run(tmp_path, "a", LR, trials=3).close()
    process = start("cluster.watch", "a", f"results={tmp_path}")
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def address_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.match(r"(http://127\.0\.0\.1:\d+/)  open it in a browser", line):
            return found[1]
    raise AssertionError("it has said no address")


@pytest.mark.skipif(PROGRAM is None, reason="there is no chromium on this machine")
def test_an_open_page_follows_the_sweep_and_keeps_what_is_chosen(
    process: subprocess.Popen[str], tmp_path: Path
) -> None:
    address = address_of(process)
    with chromium(tmp_path / "profile") as tab:
        tab.size(1280, 900)
        tab.open(f"{address}#t=0001")
        tab.js("document.querySelector('#equal').open = true")
        tab.click("#filter")
        tab.type("000")
        tab.js("scrollTo(0, 1200)")
        place = tab.js("document.querySelector('#sheet').getBoundingClientRect().top")
        more(tmp_path)
        rows = "document.querySelectorAll('#sheet-table tbody tr').length"
        until(lambda: tab.js(rows) == 4)
        assert tab.js("document.querySelector('tr.one').dataset.t") == "0001"
        assert "0001" in tab.js("document.querySelector('#strip').innerText")
        assert tab.js("document.querySelector('#filter').value") == "000"
        assert tab.js("document.activeElement.id") == "filter"
        assert tab.js("document.querySelector('#equal').open") is True
        assert "newer" in tab.js("document.querySelector('#live').textContent")
        moved = tab.js("document.querySelector('#sheet').getBoundingClientRect().top") - place
        assert abs(moved) < 150, "what is read stays where it is"
        assert tab.messages == []
        assert all(one.startswith((address, "data:")) for one in tab.requests)
        os.kill(process.pid, signal.SIGINT)
        code, output = finish(process)
        assert (code, output) == (0, "no longer served\n")
        until(lambda: "has ended" in tab.js("document.querySelector('#live').textContent"))


def more(results: Path) -> None:
    """Another trial, by a session that goes on with the sweep."""
    from sweeps.study.open import open_study

    with composed(results, "name=b", LR) as sweep:
        study = open_study(results / "a" / "study.log", sweep.objective, sweep.space, "a", False)
        trial = study.propose(sweep.search)
        study.report(trial.id, 1, {study.objective.metric: 0.5}, "", "here")
        study.close()


def test_refuses_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such sweep"):
        watch(["a"], {"results": str(tmp_path)})
    for port in ("http", "-1", "70000"):
        with pytest.raises(ConfigError, match="a port is a whole number"):
            watch(["a"], {"results": str(tmp_path), "port": port})
    run(tmp_path, "a", LR, trials=1).close()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(ConfigError, match=rf"port={port} of 127\.0\.0\.1 cannot be used"):
            watch(["a"], {"results": str(tmp_path), "port": port})
