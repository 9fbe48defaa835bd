"""A preview of overrides that come on the input is that of a command line."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from sweeps import ROOT
from sweeps.commands import preview_from_input

WORDS = ["space=null", "optimizer.lr=interval(0.1,0.2)", "search=random", "name=from input"]


@pytest.mark.parametrize("words", [WORDS, []])
def test_what_comes_is_previewed_and_where_nothing_comes_nothing_is(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")  # so that it is as it was afterwards
    monkeypatch.setattr(sys, "argv", ["preview"])
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(words) if words else ""))
    assert preview_from_input.main() == 0
    assert ("from input" in capsys.readouterr().out) == bool(words)
    assert not list(tmp_path.iterdir())


def test_what_is_wrong_is_told_in_a_line_and_by_the_exit_code() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "sweeps.commands.preview_from_input"],
        input=json.dumps(["optimizer.lrr=0.1"]),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert ran.returncode == 2
    assert ran.stderr == (
        "error: optimizer.lrr=0.1: there is no such key; did you mean optimizer.lr?\n"
    )
