"""What `study=` may be, and that its password goes nowhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.checked.check import check
from sweeps.config.composition import compose
from sweeps.config.keys import plain
from sweeps.config.schema import Kind, keys_of
from sweeps.redaction import without_password
from sweeps.study.url import Database, Journal, described, shared
from tests.sweeps.study.test_study import ROOT
from trainers.errors import ConfigError


@pytest.mark.parametrize(
    ("given", "url", "password"),
    [
        ("postgresql://g:pw@h/db", "postgresql://g@h/db", "pw"),
        ("postgres://g:p%20w@h:5433/db", "postgresql://g@h:5433/db", "p w"),
        ("postgresql+psycopg://g@h/db", "postgresql://g@h/db", ""),
        ("postgresql://h/db", "postgresql://h/db", ""),
        ("postgresql://g:a@b/c:d@h/db", "postgresql://g@h/db", "a@b/c:d"),
        ("postgresql://g@[::1]:5432/db?sslmode=require", None, ""),
        ("postgresql:///db?host=/run/pg", None, ""),
    ],
)
def test_a_database(given: str, url: str | None, password: str) -> None:
    found = shared(given)
    assert found == Database(url or given, password)
    assert str(found) == (url or given)
    assert not password or password not in repr(found)


def test_a_journal_file_is_known_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shared("group.log") == Journal(tmp_path / "group.log")
    assert shared(None) is None


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", "study= is empty"),
        ("mysql://g:pw@h/db", r"mysql://… is not understood: give postgresql://user@host/database"),
        ("sqlite:///x.db", "sqlite://… is not understood"),
        ("postgresql://g:pw@h", "names no database"),
        ("postgresql://g:pw@h/", "names no database"),
        ("postgresql://g:pw@h h/db", "names no database"),
        ("postgresql://g@h/db?password=pw", "a password among the URL's options"),
        ("postgresql://g@h/db?sslmode=require&sslpassword=pw", "a password among the URL's"),
        ("/", "/ is a folder: name a file in it"),
        ("/no/such/folder/group.log", "there is no folder /no/such/folder"),
    ],
)
def test_anything_else_is_refused_in_a_line_without_the_password(given: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as refusal:
        shared(given)
    assert "pw" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


@given(
    password=st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S")), min_size=1),
    quote=st.sampled_from(["", '"', "'"]),
)
def test_no_password_stays_on_a_command_line(password: str, quote: str) -> None:
    word = f"study={quote}postgresql://g:{password}@h:5432/db{quote}"
    assert without_password(word) == f"study={quote}postgresql://g@h:5432/db{quote}"


@pytest.mark.parametrize(
    "word", ["study=postgresql://g@h:5432/db", "study=/a/b.log", "optimizer.lr=0.1", "a=b:c@d"]
)
def test_other_words_are_left_as_they_are(word: str) -> None:
    assert without_password(word) == word


@pytest.mark.machines
def test_the_program_begins_anew_without_it(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        "import os, sys\n"
        "from sweeps.redaction import hide_password\n"
        "hide_password()\n"
        "print(sys.argv[1:], os.environ['PGPASSWORD'])\n"
        "print(open('/proc/self/cmdline').read())\n"
    )
    done = subprocess.run(
        [sys.executable, "program.py", "study=postgresql://g:p%40w@h/db", "seed=1"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    words, cmdline = done.stdout.splitlines()
    assert words == "['study=postgresql://g@h/db', 'seed=1'] p@w"
    assert "p%40w" not in cmdline


def test_no_configuration_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor when it comes from an environment variable by way of the configuration."""
    monkeypatch.setenv("STUDY", "postgresql://g:hush@h/db")
    for word in ("study=postgresql://g:hush@h/db", "study=${oc.env:STUDY}"):
        with compose(["track=none", "space=null", "optimizer.lr=0.1,0.2", word]) as composition:
            sweep = check(composition)
            assert sweep.config["study"] == "postgresql://g@h/db"
            assert "hush" not in repr(plain(composition.trial({})))
            assert "hush" not in repr((composition.overrides, composition.fixed, sweep.config))
    assert sweep.shared == Database("postgresql://g@h/db", "hush")


def test_it_is_the_same_for_all_trials() -> None:
    assert "study" in keys_of(Kind.OF_SWEEP)


def test_an_error_is_told_in_a_line_without_a_password() -> None:
    error = OSError("connection failed: postgresql://g:hush@h/db\n\tIs the server running?")
    assert described(error) == "postgresql://g:***@h/db"
    assert described(OSError(28, "No space left on device", "/x")) == "No space left on device"
    assert described(ValueError()) == "ValueError"
