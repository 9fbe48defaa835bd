"""A sweep that the head runs is watched there: with a real head in test_submit; others here."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster import watch
from sweeps.backend.known_head import Head


def test_without_a_head_and_where_its_folder_is_it_is_watched_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"results": str(tmp_path)}
    monkeypatch.setattr(Head, "known", lambda: None)
    assert watch.page_on_head(["qa"], given) == ""
    monkeypatch.setattr(Head, "known", lambda: Head("127.0.0.1:1", "/nowhere"))
    (tmp_path / "qa").mkdir()
    assert watch.page_on_head(["qa"], given) == ""
    assert watch.page_on_head(["qa", "qb"], given) == ""
