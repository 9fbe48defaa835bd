"""A sweep whose record was damaged is repaired, and goes on."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeps.backend.ray_session import Ray
from sweeps.commands.repair import repair
from sweeps.commands.resume import resume
from sweeps.results_folder import Folder
from sweeps.study.lock import Owner, hold
from tests.sweeps.conftest import Ran
from trainers.errors import ConfigError


@pytest.fixture
def folder(sweep_without_ray: Callable[..., Ran]) -> Folder:
    words = ("epochs=2", "model.width=8,16,32", "search=random", "stop=none", "budget.trials=2")
    return sweep_without_ray(*words).folder


def test_a_damaged_sweep_is_repaired_and_goes_on(
    folder: Folder, without_ray: Ray, capsys: pytest.CaptureFixture[str]
) -> None:
    where = f"results={folder.path.parent}"
    lines = folder.study.read_bytes().splitlines(keepends=True)
    folder.study.write_bytes(b"".join([*lines[:10], b"\xff\xfe\n", *lines[10:]]))
    with pytest.raises(ConfigError, match=r"damaged in line 11 .* make repair SWEEP=s ARGS="):
        resume("s", [where], without_ray)
    repair("s", {"results": str(folder.path.parent)})
    output = capsys.readouterr().out
    assert "could not be read: 11" in output
    assert f'make resume SWEEP=s ARGS="{where}"' in output
    assert (folder.path / "study.log.damaged").is_file()
    resume("s", [where, "budget.trials=+1"], without_ray)
    with (folder.path / "trials.csv").open() as file:
        assert [row["state"] for row in csv.DictReader(file)] == ["complete"] * 3
    repair("s", {"results": str(folder.path.parent)})
    assert "lines can be read" in capsys.readouterr().out


def test_refuses(folder: Folder, tmp_path: Path) -> None:
    given = {"results": str(folder.path.parent)}
    with pytest.raises(ConfigError, match="no such sweep"):
        repair("other", given)
    lock = hold(Path(f"{folder.study}.driver"), "it", Owner.me())
    try:
        with pytest.raises(ConfigError, match="is in use by"):
            repair("s", given)
    finally:
        os.close(lock)
    shutil.move(folder.study, tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="there is nothing to repair"):
        repair("s", given)
