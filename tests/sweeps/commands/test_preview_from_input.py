"""A preview of overrides that come on the input is that of a command line."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

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
    preview_from_input.main()
    assert ("from input" in capsys.readouterr().out) == bool(words)
    assert not list(tmp_path.iterdir())
