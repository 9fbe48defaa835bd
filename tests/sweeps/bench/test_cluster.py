"""What streaming costs is measured with real trials and a real receiver."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sweeps import ROOT
from sweeps.bench import cluster
from tests.sweeps.bench.refused import refusal


@pytest.mark.parametrize("word", ["seeds=3", "runs=0", "epochs=-1"])
def test_refuses_a_bad_option(
    word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    message = f"{word}: this benchmark takes runs=3 and epochs=12"
    assert refusal(cluster.main, monkeypatch, capsys, word) == message


@pytest.mark.long
@pytest.mark.machines
def test_figures_of_both_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAY_ADDRESS", "")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # this folder is no checkout
    monkeypatch.setattr(cluster, "_MODELS", {"small": ("model.width=8", "data.fraction=0.25")})
    monkeypatch.setattr("sys.argv", ["cluster", "runs=1", "epochs=2"])
    cluster.main()
    found = json.loads((tmp_path / "results" / "bench" / "cluster.json").read_text())["figures"]
    for mode in ("shared", "streamed"):
        assert found[f"small, {mode}: an epoch"]["value"] > 0
        assert found[f"small, {mode}: beside training"]["value"] > 0
    assert 0 < found["receiver's memory, its own"]["value"] < 300
