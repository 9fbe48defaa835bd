"""Sweeps are drawn as soon as they have a record, and again when it has grown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cluster.service.queue import Queued, Step
from cluster.service.sweep_pages import SweepPages
from trainers.errors import ConfigError


def test_without_a_record_nothing_is_drawn(tmp_path: Path) -> None:
    pages, waits = SweepPages(), Queued("a", "alpha", (), False, str(tmp_path))
    begun = replace(waits, step=Step.RUNNING)
    assert pages.of([waits, begun]) == {}
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "study.log").write_text("no record\n")
    assert pages.of([begun]) == {}
    with pytest.raises(ConfigError):
        pages.report(begun)
