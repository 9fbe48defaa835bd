"""Data sets are read once a process; one of a user's own needs a `load`, and no more than that."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from trainers.config import TrainConfig
from trainers.config.targets import check_arguments
from trainers.data import digits, resident
from trainers.data.dataset import DataModule, Dataset
from trainers.errors import ConfigError
from trainers.fit import fit

CPU = torch.device("cpu")
CONF = Path(__file__).resolve().parents[3] / "conf" / "data"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A data set that notes what is asked of it, in a process that has read nothing yet."""
    seen: list[str] = []
    module = types.ModuleType("noted_data")

    def load(**keys: Any) -> Dataset:
        seen.append(f"load {keys['fraction']}")
        return digits.load(**keys)

    def prepare(**keys: Any) -> None:
        seen.append(f"prepare {keys['fraction']}")

    for function in (load, prepare):
        function.__module__ = "noted_data"
        setattr(module, function.__name__, function)
    monkeypatch.setitem(sys.modules, "noted_data", module)
    monkeypatch.setattr(resident, "_loaded", {})
    monkeypatch.setattr(resident, "_resident", {})
    return seen


def keys(fraction: float = 1.0) -> dict[str, Any]:
    target = {"_target_": "noted_data.load", "root": None}
    return {
        **target,
        "fraction": fraction,
        "split_seed": 0,
        "validation": 0.2,
        "scaling": "standardise",
    }


def test_read_once_for_many_trainings(calls: list[str], small: Callable[..., TrainConfig]) -> None:
    config = small("epochs=1")
    config.data = keys()
    for seed in (1, 2, 3):
        config.seed = seed
        list(fit(config))
    assert calls == ["load 1.0"]


def test_the_same_object_for_the_same_keys_whatever_their_order(calls: list[str]) -> None:
    backwards = dict(reversed(keys().items()))
    assert resident.on(CPU, keys()) is resident.on(CPU, backwards)
    assert resident.load(keys()) is resident.load(backwards)
    resident.on(CPU, keys(0.5))
    assert calls == ["load 1.0", "load 0.5"]


def test_prepare_goes_before_and_leaves_the_data_loaded(calls: list[str]) -> None:
    dataset = resident.prepare(keys())
    assert dataset is resident.load(keys())
    assert calls == ["prepare 1.0", "load 1.0"]


def test_only_a_few_are_kept(calls: list[str]) -> None:
    fractions = [0.1, 0.2, 0.3, 0.4, 0.5]
    for fraction in fractions:
        resident.load(keys(fraction))
    resident.load(keys(0.5))
    assert len(calls) == 5
    resident.load(keys(0.1))
    assert calls[5:] == ["load 0.1"]


def test_a_data_set_with_nothing_to_prepare(calls: list[str]) -> None:
    del sys.modules["noted_data"].prepare
    resident.prepare(keys())
    assert calls == ["load 1.0"]


@pytest.mark.parametrize("look", [resident.prepare, resident.load])
def test_keys_that_it_does_not_take(look: Callable[[dict[str, Any]], object]) -> None:
    data = {**keys(), "_target_": "trainers.data.digits.load", "fractoin": 1.0}
    with pytest.raises(ConfigError, match=r"data\.fractoin.*"):
        look(data)


OWN = """
from dataclasses import replace
from trainers.data import digits

asked = []

def load(size):
    asked.append("load")
    return digits.load(None, size, 0, 0.2, "none")

"""
PREPARE = """
def prepare(size):
    asked.append("prepare")

"""
HERE = """
def here(size):
    asked.append("here")
    return size > 0.5

"""
THOROUGH = """
def load(size, thorough=False):
    asked.append(f"load, thorough: {thorough}")
    return digits.load(None, size, 0, 0.2, "none")

"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """Writes a module of a user's own, and gives the `data` group that names its `load`."""
    name = f"own_{tmp_path.name}"
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(source: str) -> dict[str, Any]:
        (tmp_path / f"{name}.py").write_text(source)
        return {"_target_": f"{name}.load", "size": 0.2}

    return write


def asked(data: dict[str, Any]) -> list[str]:
    answered: list[str] = sys.modules[data["_target_"].removesuffix(".load")].asked
    return answered


def test_a_load_is_all_that_a_data_set_needs(
    own: Callable[[str], dict[str, Any]], small: Callable[..., TrainConfig]
) -> None:
    config = small("epochs=1")
    config.data = own(OWN)
    assert resident.here(config.data), "nothing could have to be fetched"
    dataset = resident.prepare(config.data)
    assert len(dataset.train) > 100
    assert [epoch.number for epoch in fit(config)] == [1]
    assert asked(config.data) == ["load"]


def test_what_a_data_set_brings_is_used(own: Callable[[str], dict[str, Any]]) -> None:
    data = own(OWN + PREPARE + HERE + THOROUGH)
    assert not resident.here(data)
    assert resident.here({**data, "size": 0.6})
    resident.prepare(data)
    resident.load({**data, "size": 0.3})
    assert asked(data) == [
        "here",
        "here",
        "prepare",
        "load, thorough: True",
        "load, thorough: False",
    ], "files are compared once, before trials start; a trial takes them as they are"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "def load(size): return [1, 2]",
            r"must make a Dataset, and own_\w+\.load made list: see",
        ),
        (
            OWN + "whole = load\ndef load(size): return replace(whole(size), valid=[(1, 2)])",
            r"its valid part is a list, which lacks labelled, len, inputs, batch or to: see Part",
        ),
        (
            OWN + "def prepare(root): pass",
            r"data\.size: own_\w+\.prepare has no argument 'size'",
        ),
        (OWN + "prepare = 3", r"data\._target_=own_\w+\.prepare must be a class or a funct"),
        (OWN + "def prepare(size): 1 / 0", r"prepare refuses its settings: division by zero"),
        ("def load(sise): pass", r"data\.size: .*did you mean 'sise'"),
        ("import nowhere", r"cannot be imported: No module named 'nowhere'"),
    ],
)
def test_a_wrong_data_set_is_refused_in_a_line(
    source: str, message: str, own: Callable[[str], dict[str, Any]]
) -> None:
    with pytest.raises(ConfigError, match=message) as refusal:
        resident.prepare(own(source))
    assert len(str(refusal.value).splitlines()) == 1


@pytest.mark.parametrize("path", sorted(CONF.glob("*.yaml")), ids=lambda path: path.stem)
def test_what_stands_beside_load_takes_the_same_keys(path: Path) -> None:
    node = yaml.safe_load(path.read_text())
    module, _, _ = node["_target_"].rpartition(".")
    check_arguments("data", node)
    functions = {name for name in vars(DataModule) if not name.startswith("_")}
    assert functions > {"load"}
    for name in functions & vars(sys.modules[module]).keys():
        check_arguments("data", {**node, "_target_": f"{module}.{name}"})
