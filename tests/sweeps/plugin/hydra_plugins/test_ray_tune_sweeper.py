"""Hydra finds our sweeper, which hands the composed configuration on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper

from sweeps import cli
from sweeps.cli import use_plugins
from sweeps.commands import sweep
from sweeps.config.composition import Composition


def test_hydra_discovers_it() -> None:
    use_plugins()
    names = {plugin.__name__ for plugin in Plugins.instance().discover(Sweeper)}
    assert "RayTuneSweeper" in names


def test_it_hands_over_the_composition_with_swept_and_fixed_overrides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")  # so that it is as it was afterwards
    given: list[Composition] = []
    monkeypatch.setattr(sweep, "start", given.append)
    monkeypatch.setattr(sys, "argv", ["sweeps", "space=null", "epochs=7", "model.width=8,16"])
    assert cli.composed("start") == []
    (composition,) = given
    assert composition.base.epochs == 7
    assert composition.fixed == ("space=null", "epochs=7")
    assert composition.swept == ("model.width=8,16",)
    assert list(tmp_path.iterdir()) == []
