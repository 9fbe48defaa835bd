"""Folders of trials that are not on record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeps.driver.trial_folders import set_aside

CONFIG: dict[str, Any] = {"seed": 0, "optimizer": {"lr": 0.1, "betas": [0.9, 0.99]}, "norm": "a"}
KEYS = ("optimizer.lr", "optimizer.betas.1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "trials" / "0003"
    made.mkdir(parents=True)
    (made / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    return made


def test_of_the_same_values_is_gone_on_with(folder: Path) -> None:
    assert set_aside(folder, {**CONFIG, "norm": "b", "budget": 3}, KEYS) == ""
    assert folder.is_dir()


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"optimizer": {"lr": 0.2, "betas": [0.9, 0.99]}},
        {"optimizer": {"lr": 0.1, "betas": [0.9, 0.95]}},
        {"optimizer": {"lr": 0.1}},
    ],
)
def test_of_other_values_is_kept_elsewhere(folder: Path, change: dict[str, Any]) -> None:
    aside = folder.parent.parent / "unrecorded" / "0003-1"
    told = set_aside(folder, {**CONFIG, **change}, KEYS)
    assert str(aside) in told
    assert not folder.exists()
    assert yaml.safe_load((aside / "config.yaml").read_text()) == CONFIG
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    assert "0003-2" in set_aside(folder, {**CONFIG, **change}, KEYS)


def test_one_that_is_not_there_or_is_empty_is_nothing(folder: Path) -> None:
    assert set_aside(folder.with_name("0004"), CONFIG, KEYS) == ""
    (folder / "config.yaml").write_text("")
    assert set_aside(folder, CONFIG, ()) != ""
