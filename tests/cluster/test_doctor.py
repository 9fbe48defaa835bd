"""`make doctor` tries this machine for real, and what is wrong with it is told with its remedy."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from rich.console import Console

from cluster import doctor
from cluster.checks.check import Check, Verdict, fail, ok, warn
from tests.cluster.raylets import free_port
from tests.sweeps.processes import finish, start


@pytest.mark.machines
def test_a_machine_is_tried_from_end_to_end_and_its_faults_are_failures(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xff")
    environment = {"CAVIAR_CLUSTER": str(tmp_path), "DATA_ROOT": str(tmp_path / "gone")}
    head = f"--head=127.0.0.1:{free_port()}"
    code, output = finish(start("cluster.doctor", head, **environment))
    assert code == 1, output
    lines = output.splitlines()
    for what in ("Python", "packages", "cores", "memory", "disk", "open files", "W&B"):
        assert any(line.split()[1:2] == what.split()[:1] for line in lines), what
    failed = {line.split()[1] for line in lines if line.startswith("fail")}
    assert failed == {"data", "token", "head"}, output
    assert any(line.startswith("ok") and "Ray and one epoch in" in line for line in lines)
    assert "3 failed" in output
    assert "Traceback" not in output
    assert [path.name for path in tmp_path.iterdir()] == ["token"], "it leaves nothing"


@pytest.mark.parametrize(("found", "code"), [(ok, 0), (warn, 0), (fail, 1)])
def test_only_a_failure_is_one(
    monkeypatch: pytest.MonkeyPatch, found: Callable[..., Check], code: int
) -> None:
    check = found("disk", "1 GB") if found is ok else found("disk", "1 GB", "free some")
    monkeypatch.setattr(doctor, "trials", lambda head: [("disk", lambda: check)])
    monkeypatch.setattr("sys.argv", ["doctor"])
    with nullcontext() if code == 0 else pytest.raises(SystemExit, match="1"):
        doctor.main()


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
