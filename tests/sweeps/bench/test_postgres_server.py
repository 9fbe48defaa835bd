"""A server of a test's own: it answers, survives a crash, and leaves nothing behind."""

from __future__ import annotations

import subprocess

import psycopg
import pytest

from sweeps.bench.postgres_server import binaries, server


@pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed here")
def test_starts_again_after_a_crash_and_is_gone_at_the_end() -> None:
    with server() as running:
        with psycopg.connect(running.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        running.stop()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(running.url, connect_timeout=2)
        with pytest.raises(subprocess.CalledProcessError):
            running.stop()
        running.start()
        with psycopg.connect(running.url) as connection:
            assert connection.execute("SELECT number FROM kept").fetchall() == [(7,)]
    assert not running.folder.exists()


def test_is_missing_where_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeps.bench.postgres_server._VERSIONS", "/nowhere/*/postgres")
    monkeypatch.setenv("PATH", "")
    assert binaries() is None
