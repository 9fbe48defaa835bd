"""Data sets that stay: read once a process and moved to a device once."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from trainers.data.dataset import Dataset
from trainers.errors import ConfigError
from trainers.targets import instantiate, locate

#: A sweep over the data itself would otherwise keep a copy of every choice until it ends.
_KEPT = 4

_loaded: dict[str, Dataset] = {}
_resident: dict[tuple[str, str], Dataset] = {}


def prepare(data: Mapping[str, Any]) -> Dataset:
    """Fetch what is missing and check it: once, by whoever starts trials, before them.

    A data set that may have to be fetched brings a `prepare` of the same arguments in the module
    of its `_target_`; one that keeps a copy of its files takes `thorough`, to compare it with them.

    Returns:
        The data set on the CPU, for its fingerprint and shapes.

    Raises:
        DataError: it is absent, damaged, or cannot be fetched.
        ConfigError: the configuration of the data set does not fit its `_target_`.
    """
    target = locate("data", data)
    module = sys.modules[target.__module__]
    if hasattr(module, "prepare"):
        instantiate("data", {**data, "_target_": f"{module.__name__}.prepare"})
    told = json.dumps(data, sort_keys=True)
    _loaded.pop(told, None)  # what is on disk may have changed
    for key in [key for key in _resident if key[0] == told]:
        del _resident[key]
    looks = "thorough" in inspect.signature(target).parameters
    return _load(data, **({"thorough": True} if looks else {}))


def here(data: Mapping[str, Any]) -> bool:
    """Whether the data set is on this machine, so that `load` will not fetch it.

    A data set that may have to be fetched brings a `here` of the same arguments.
    """
    module = sys.modules[locate("data", data).__module__]
    if not hasattr(module, "here"):
        return True
    return bool(instantiate("data", {**data, "_target_": f"{module.__name__}.here"}))


def load(data: Mapping[str, Any]) -> Dataset:
    """The data set on the CPU, from memory if this process has read it before."""
    return _load(data)


def _load(data: Mapping[str, Any], **supplied: object) -> Dataset:
    key = json.dumps(data, sort_keys=True)
    if key not in _loaded:
        dataset = instantiate("data", data, **supplied)
        if not isinstance(dataset, Dataset):
            raise ConfigError(
                f"data._target_ must make a Dataset, and {data['_target_']} made "
                f"{type(dataset).__name__}: see trainers/data/digits.py"
            )
        _remember(_loaded, key, dataset)
    return _loaded[key]


def on(device: torch.device, data: Mapping[str, Any]) -> Dataset:
    """The data set with its training and validation parts on `device`; the test part stays put."""
    key = (json.dumps(data, sort_keys=True), str(device))
    if key not in _resident:
        dataset = load(data)
        moved = replace(dataset, train=dataset.train.to(device), valid=dataset.valid.to(device))
        _remember(_resident, key, moved)
    return _resident[key]


def _remember(kept: dict[Any, Dataset], key: object, dataset: Dataset) -> None:
    while len(kept) >= _KEPT:
        kept.pop(next(iter(kept)))
    kept[key] = dataset
