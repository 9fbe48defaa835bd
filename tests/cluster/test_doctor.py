"""`make doctor` tries this machine for real, and what is wrong with it is told with its remedy."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from cluster import doctor
from cluster.checks.check import Check, Verdict, fail, ok, warn
from tests.cluster.raylets import free_port
from tests.sweeps.processes import finish, start


@pytest.mark.machines
def test_a_machine_is_tried_from_end_to_end(tmp_path: Path) -> None:
    environment = {"CAVIAR_CLUSTER": str(tmp_path / "cluster"), "DATA_ROOT": str(tmp_path)}
    code, output = finish(start("cluster.doctor", **environment))
    assert code == 0, output
    lines = output.splitlines()
    for what in ("Python", "packages", "cores", "memory", "disk", "open files", "token", "head"):
        assert any(what in line for line in lines), what
    assert any(line.startswith("ok") and "Ray and one epoch in" in line for line in lines)
    assert "0 failed" in output
    assert not (tmp_path / "cluster").exists(), "it leaves nothing"


@pytest.mark.machines
def test_faults_of_the_environment_are_failures(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xff")
    environment = {
        "CAVIAR_CLUSTER": str(tmp_path),
        "DATA_ROOT": str(tmp_path / "gone"),
        "PATH": "",  # no git
    }
    head = f"--head=127.0.0.1:{free_port()}"
    code, output = finish(start("cluster.doctor", head, **environment))
    assert code == 1, output
    failed = [line.split()[1] for line in output.splitlines() if line.startswith("fail")]
    assert {"data", "token", "head"} <= set(failed), output
    assert "Traceback" not in output


def test_what_is_found_is_shown_without_markup() -> None:
    console = Console(file=io.StringIO(), width=200, markup=False)
    doctor.show(console, [ok("disk", "[red]9\nGB"), warn("a", "b", "c"), fail("d", "e", "f")])
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "[red]9 GB" in text
    assert "→ c" in text
    assert "1 failed, 1 to look at" in text


def test_what_cannot_be_looked_at_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Check:
        raise RuntimeError("oh")

    monkeypatch.setattr(doctor, "trials", lambda head: [("this", broken)])
    [check] = doctor.examine("")
    assert (check.what, check.verdict, check.found) == ("this", Verdict.FAIL, "RuntimeError: oh")
