"""What streaming costs is measured with real trials and a real receiver."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from sweeps import ROOT
from sweeps.bench.cluster import streaming


@pytest.mark.long
@pytest.mark.machines
def test_figures_of_both_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAY_ADDRESS", "")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # this folder is no checkout
    monkeypatch.setattr(streaming, "_MODELS", {"small": ("model.width=8", "data.fraction=0.25")})
    monkeypatch.setattr(streaming, "_EPOCHS", 2)
    found = streaming.measure(1, Console(quiet=True))
    for mode in ("shared", "streamed"):
        assert found[f"small, {mode}: an epoch"].value > 0
        assert found[f"small, {mode}: beside training"].value > 0
    assert 0 < found["receiver's memory, its own"].value < 300
