"""The way to a head: token, address, ports, versions and clock, each with its remedy."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from cluster.checks import connection
from cluster.checks.check import Check, Verdict
from sweeps.backend.known_head import Head
from tests.cluster.raylets import free_port
from tests.cluster.stand_in import of_head, service


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Has a token."""
    (tmp_path / "token").write_text("x" * 64)
    (tmp_path / "token").chmod(0o600)
    return tmp_path


def test_a_token_is_there_and_its_owners_alone(folder: Path) -> None:
    assert connection.token(folder).verdict is Verdict.OK
    assert "x" * 64 not in connection.token(folder).found
    (folder / "token").chmod(0o644)
    assert connection.token(folder).remedy == f"chmod 600 {folder / 'token'}"
    (folder / "token").write_text("\n")
    assert connection.token(folder).verdict is Verdict.FAIL
    (folder / "token").write_bytes(b"\xff")
    assert connection.token(folder).verdict is Verdict.FAIL
    (folder / "token").unlink()
    assert connection.token(folder).verdict is Verdict.WARN


def of(address: str, folder: Path) -> dict[str, Check]:
    return {check.what: check for check in connection.head(address, folder)}


def test_no_head_need_be_known(folder: Path) -> None:
    assert of("", folder)["head"].verdict is Verdict.OK


@pytest.mark.parametrize(
    ("address", "said"), [("10.0.0.5", "must be host:port"), ("here:99999", "must be host:port")]
)
def test_an_address_that_is_none_is_told(folder: Path, address: str, said: str) -> None:
    check = of(address, folder)["head"]
    assert (check.verdict, said in check.found) == (Verdict.FAIL, True)


def test_a_head_that_is_gone_is_told(folder: Path) -> None:
    Head(f"127.0.0.1:{free_port()}", "t").save(folder)
    check = of("", folder)["head"]
    assert check.verdict is Verdict.FAIL
    assert "nothing answers at 127.0.0.1:" in check.found


def test_a_head_and_its_service_are_asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Head, "answers", lambda *_: True)
    with service(200, of_head()) as (address, _):
        checks = of(address, folder)
        assert [check.verdict for check in checks.values()] == [Verdict.OK] * 3
    assert of(address, folder)["head"].verdict is Verdict.FAIL, "its service is gone"
    with service(200, of_head(time=time.time() - 100, ray="1.0")) as (address, _):
        checks = of(address, folder)
        assert checks["clock"].remedy.startswith("set both by the network")
        assert checks["versions"].remedy.startswith("bring both checkouts")
    with service(401, b"") as (address, _):
        assert "refuses the token" in of(address, folder)["head"].found
