"""A trial trains on the data of the machine it runs on, if it is the driver's data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeps.backend.stream import machine_data
from sweeps.backend.stream.machine_data import DriversData, LacksData, base, found_here
from sweeps.config.composition import compose
from sweeps.config.keys import plain
from tests.sweeps.processes import ROOT
from trainers.data import resident

Make = Callable[..., Path]


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this machine's notes lie; and no process has looked for anything yet."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(machine_data.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    monkeypatch.setattr(machine_data, "_found", {})
    monkeypatch.delenv("DATA_ROOT", raising=False)
    return tmp_path / "tmp"


@pytest.fixture
def table(tmp_path: Path) -> Make:
    def make(machine: str, seed: int = 0) -> Path:
        """A machine's folder of data, with a data set in it."""
        folder = tmp_path / machine / "data"
        (folder / "mine").mkdir(parents=True)
        chance = np.random.default_rng(seed)
        x, y = chance.normal(size=(40, 3)).astype(np.float32), np.arange(40) % 2
        np.save(folder / "mine" / "x.npy", x)
        np.save(folder / "mine" / "y.npy", y)
        return folder

    return make


def config(root: Path) -> dict[str, Any]:
    with compose(["data=tensors", "task=classes", f"data.root={root}", "space=null"]) as composed:
        return dict(plain(composed.base)["data"])


def drivers(folder: Path, session: str = "ab") -> DriversData:
    return DriversData(session, str(folder), resident.prepare(config(folder / "mine")).fingerprint)


def test_it_is_where_this_machine_keeps_its_data(
    table: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, here = table("driver"), table("here")
    monkeypatch.setenv("DATA_ROOT", str(here))
    assert base() == str(here)
    found = found_here(config(there / "mine"), drivers(there))
    assert found == {**config(there / "mine"), "root": str(here / "mine")}


def test_or_where_it_is_on_the_drivers(table: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    there = table("driver")
    given = config(there / "mine")
    assert found_here(given, drivers(there)) == given
    monkeypatch.setenv("DATA_ROOT", str(there.parent / "nothing"))
    assert found_here(given, drivers(there, "cd")) == given


def test_a_path_of_ones_own_stays(table: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    there, here = table("driver"), table("here")
    monkeypatch.setenv("DATA_ROOT", str(here))
    given = config(there / "mine")
    elsewhere = DriversData("ab", "/other", drivers(there).fingerprint)
    assert found_here(given, elsewhere) == given


def test_other_data_is_lacking(table: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    there, here = table("driver"), table("here", seed=1)
    about = drivers(there)
    given = config(there / "mine")
    monkeypatch.setenv("DATA_ROOT", str(here))
    for path in (there / "mine").iterdir():
        path.unlink()
    with pytest.raises(LacksData) as lacking:
        found_here(given, about)
    assert f"the data in {here / 'mine'} is not what the driver's machine has" in str(lacking.value)
    assert str(there / "mine") in str(lacking.value)
    assert len(str(lacking.value).splitlines()) == 1
    swept = DriversData("ab", str(there), "")
    assert found_here(given, swept)["root"] == str(here / "mine"), "where any will do"


PREPARE = """
import json, sys
from sweeps.backend.stream import machine_data
from trainers.data import resident

prepare = resident.prepare
def counted(data):
    print("prepared", flush=True)
    return prepare(data)
resident.prepare = counted
data, base, fingerprint = json.loads(sys.argv[1])
for session in sys.argv[2:]:
    machine_data.found_here(data, machine_data.DriversData(session, base, fingerprint))
"""


def test_it_is_prepared_once_a_machine_and_session(table: Make, temporary: Path) -> None:

    there = table("driver")
    about = json.dumps([config(there / "mine"), str(there), drivers(there).fingerprint])
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PREPARE, about, "ab", "ab"],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "TMPDIR": str(temporary)},
        )
        for _ in range(2)
    ]  # fmt: skip
    printed = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(printed) == ["", "prepared\n"]
