"""Where a file is asked for, the parts of a command are noted in their order."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps import timeline


def test_what_is_noted_is_read_and_nothing_is_noted_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "timeline"
    monkeypatch.delenv(timeline.FILE, raising=False)
    timeline.mark("unasked")
    monkeypatch.setenv(timeline.FILE, str(path))
    for part in ("fetch the data", "train"):
        timeline.mark(part)
    marks = timeline.read(path)
    assert [mark.part for mark in marks] == ["fetch the data", "train"]
    assert marks[0].at <= marks[1].at
