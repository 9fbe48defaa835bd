from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

import pytest
import torch

from trainers.config import TrainConfig
from trainers.data import digits, resident
from trainers.data.dataset import Dataset
from trainers.errors import ConfigError
from trainers.fit import fit

CPU = torch.device("cpu")


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
