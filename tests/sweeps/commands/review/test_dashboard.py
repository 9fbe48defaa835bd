"""optuna-dashboard opens on the record of a sweep, and changes nothing of it."""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
import urllib.request
from pathlib import Path

import pytest

from sweeps.commands.review import dashboard
from sweeps.commands.review.dashboard import install, served
from tests.sweeps.processes import ROOT, finish, start
from tests.sweeps.transfer.test_previous_sweeps import LR, run
from tests.sweeps.waiting import until
from trainers.errors import ConfigError


def get(address: str) -> bytes:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(address, timeout=60) as answer:
        content = answer.read()
        assert isinstance(content, bytes)
        return content


def test_it_is_served_while_the_sweep_runs_and_the_record_stays_as_it_is(tmp_path: Path) -> None:
    pytest.importorskip(dashboard.MODULE, reason="make dashboard installs it at first use")
    study = run(tmp_path, "a", LR, trials=3, keep_open=True)
    log = tmp_path / "a" / "study.log"
    before = {path: path.read_bytes() for path in (tmp_path / "a").glob("study.log*")}
    process = start("sweeps.commands.review.dashboard", "a", f"results={tmp_path}")
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.fullmatch(r"(http://127\.0\.0\.1:\d+)/dashboard  \(Ctrl-C ends it\)\n", line)
        assert found, line + process.stdout.read()
        assert b"<html" in get(f"{found[1]}/").lower()
        (told,) = json.loads(get(f"{found[1]}/api/studies"))["study_summaries"]
        assert told["study_name"] == "a"
        detail = json.loads(get(f"{found[1]}/api/studies/{told['study_id']}?after=0"))
        assert [trial["number"] for trial in detail["trials"]] == [0, 1, 2]
        assert {path: path.read_bytes() for path in before} == before
        study.reopen(["0000"])
        again = f"{found[1]}/api/studies/{told['study_id']}?after=0"
        until(lambda: len(json.loads(get(again))["trials"]) == 4, running=process)
    finally:
        process.send_signal(signal.SIGINT)
    assert finish(process) == (0, "ended\n")
    study.close()
    assert log.read_bytes().startswith(before[log])


def test_what_is_installed_is_what_pyproject_names() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'\ndashboard = ["{dashboard.REQUIREMENT}"]' in project


def test_where_it_cannot_be_installed_that_is_said_in_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dashboard, "MODULE", "caviar_absent")
    monkeypatch.setattr(dashboard, "REQUIREMENT", "caviar-absent==0.0.0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    said: list[str] = []
    with pytest.raises(ConfigError, match=r"cannot be installed \(.*\): once there is a network"):
        install(said.append)
    assert said == [
        "caviar-absent==0.0.0 is not installed here; installing it, this once: "
        "pip install caviar-absent==0.0.0"
    ]


def test_what_is_there_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "MODULE", "json")
    said: list[str] = []
    install(said.append)
    assert said == []


def test_a_port_that_is_taken_is_refused_if_it_was_asked_for() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"port={port} cannot be had \(Address already in"):
            dashboard._bound(None, port)
    with dashboard._bound(None, None) as one, dashboard._bound(None, None) as other:
        assert one.server_port != other.server_port


def test_what_is_no_sweep_or_has_no_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such sweep"), served("a", str(tmp_path), None):
        pass
    run(tmp_path, "a", LR, trials=1).close()
    (tmp_path / "a" / "study.log").unlink()
    with pytest.raises(ConfigError, match="has no study"), served("a", str(tmp_path), None):
        pass
    assert not (tmp_path / "a" / "study.log").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["a", "port=x"], "port=x: a port is a number from 1 to 65535"),
        (["a", "port=0"], "port=0: a port is"),
        (["a", "port=65536"], "port=65536: a port is"),
        (["a", "port=-1"], "port=-1: a port is"),
        (["a", "port="], "port=: a port is"),
        (["a", f"port={'9' * 5000}"], "a port is a number"),
        (["a", "prt=1"], "prt=1: there is no such option; did you mean port?"),
        (["a"], "SWEEP=a: no such sweep"),
        ([], "name one sweep: make dashboard"),
        ([""], "name one sweep: make dashboard"),
    ],
)
def test_refused_before_anything_is_installed(
    words: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["dashboard", *words])
    with pytest.raises(SystemExit) as end:
        dashboard.main()
    assert end.value.code == 2
    output = capsys.readouterr().err
    assert told in output
    assert output.count("\n") == 1
