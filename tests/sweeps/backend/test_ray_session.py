"""Where a sweep's Ray comes from, and what it leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sweeps import ROOT
from sweeps.backend import ray_session
from sweeps.backend.ray_session import Cluster, session
from trainers.errors import ConfigError

SHOW = """
import json, os, socket, sys, time
from pathlib import Path
from sweeps.backend.ray_session import session

with session() as cluster:
    import ray
    import psutil

    @ray.remote
    def seen():
        return sorted(name for name, value in os.environ.items() if "planted" in value)

    @ray.remote
    def imported():
        import elsewhere

        return [elsewhere.__file__, os.environ["PYTHONPATH"]]

    names = ray.get(seen.remote())
    module, path = ray.get(imported.remote())
    mine = {p.pid for p in psutil.Process().children(recursive=True)} | {os.getpid()}
    sockets = [
        [c.laddr.ip, psutil.Process(c.pid).name(), c.laddr.port]
        for c in psutil.net_connections("tcp")
        if c.status == "LISTEN" and c.pid in mine
    ]
    folder = Path(f"/tmp/caviar-ray-{os.getpid()}")
    holding = []
    for pid in mine - {os.getpid()}:
        try:
            if b"planted" in Path(f"/proc/{pid}/environ").read_bytes():
                holding.append(pid)
        except OSError:
            pass
    files = [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and b"planted" in path.read_bytes()
    ]
    print(json.dumps({
        "names": names, "sockets": sockets, "mode": folder.stat().st_mode & 0o777,
        "holding": holding, "files": files, "own": cluster.own,
        "module": module, "path": path,
    }))
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of somebody's own, with a module."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "elsewhere.py").touch()
    return folder


@pytest.fixture(scope="module")
def shown(lab: Path) -> dict[str, Any]:
    """What there is to see of a Ray of a sweep's own, by somebody with a secret."""
    elsewhere = os.path.relpath(lab, ROOT)
    result = subprocess.run(
        [sys.executable, "-c", SHOW],
        env={
            **os.environ,
            "AWS_SECRET_ACCESS_KEY": "planted",
            "RAY_ADDRESS": "",
            "PYTHONPATH": elsewhere,
        },
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


@pytest.mark.machines
def test_nobody_else_reads_what_a_ray_of_ours_leaves(shown: dict[str, Any]) -> None:
    assert shown["own"]
    assert shown["mode"] == 0o700
    assert shown["names"] == [], "a trial has the secret"
    assert shown["holding"] == [], "a process of Ray has it"
    assert shown["files"] == [], "a file has it"


@pytest.mark.machines
def test_a_trial_imports_what_the_person_does(shown: dict[str, Any], lab: Path) -> None:
    """Its PYTHONPATH is not relative any more: a trial may be in another folder."""
    assert Path(shown["module"]) == lab / "elsewhere.py"
    assert shown["path"] == str(lab)


@pytest.mark.machines
def test_a_ray_of_ours_listens_on_the_loopback_interface_alone(shown: dict[str, Any]) -> None:
    listening = {name: ip for ip, name, _ in shown["sockets"]}
    assert {"raylet", "gcs_server"} <= set(listening)
    for ip, name, port in shown["sockets"]:
        assert ip.removeprefix("::ffff:") == "127.0.0.1", f"{name} listens at {ip}:{port}"


def test_the_results_are_tried_by_a_ray_of_another_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "")
    with session():
        theirs = Cluster(own=False, address="lab:6380")
        theirs.check_folder(tmp_path / "absent")  # this user's: whoever asks has tried
        monkeypatch.setattr(ray_session, "is_of_this_user", lambda: False)
        theirs.check_folder(tmp_path)
        with pytest.raises(ConfigError, match="cannot be written by the Ray of this machine"):
            theirs.check_folder(tmp_path / "absent")


def test_a_ray_that_does_not_start_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    tries = []

    def fail(**settings: object) -> None:
        tries.append(settings["_temp_dir"])
        raise RuntimeError("The current node timed out during startup.\nmore\nmore")

    monkeypatch.setattr(ray, "init", fail)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr(ray_session.Head, "known", lambda: None)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray_session, "PREFIX", "caviar-test-session-")
    told = "Ray does not start on this machine .*timed out during startup"
    with pytest.raises(ConfigError, match=told) as refusal, session():
        pass
    assert len(tries) == 2
    assert len(set(tries)) == 2, "the second try has a folder of its own"
    assert len(str(refusal.value).splitlines()) == 1
