"""Keep data sets in memory: each is read once a process, and moved to a device once."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from trainers.config.targets import instantiate, locate, takes
from trainers.data.dataset import Dataset, Part
from trainers.errors import ConfigError

#: A sweep over the data itself would otherwise keep a copy of every choice until it ends.
_KEPT = 4

_loaded: dict[str, Dataset] = {}
_resident: dict[tuple[str, str], Dataset] = {}


@dataclass(frozen=True)
class Configured:
    """Calls the functions of a data set's `DataModule` with the keys of a configuration.

    What a module may leave out has its default here, and nowhere else.

    Attributes:
        data: the `data` group of a configuration.
    """

    data: Mapping[str, Any]

    def prepare(self) -> None:
        """Fetch what is missing; nothing, if the module has no `prepare`."""
        if (path := self._beside("prepare")) is not None:
            instantiate("data", {**self.data, "_target_": path})

    def here(self) -> bool:
        """Return whether the data is on this machine; it is, if the module has no `here`.

        Raises:
            DataError: it is not, and cannot be fetched.
        """
        if (path := self._beside("here")) is not None:
            return bool(instantiate("data", {**self.data, "_target_": path}))
        return True

    def load(self, thorough: bool = False) -> Dataset:
        """Load the data set; `thorough` is passed over if its `load` has no such argument.

        Raises:
            ConfigError: it is no Dataset, or one of its parts is no Part.
        """
        compares = thorough and takes(locate("data", self.data), "thorough")
        dataset = instantiate("data", self.data, **({"thorough": True} if compares else {}))
        target = self.data["_target_"]
        if not isinstance(dataset, Dataset):
            raise ConfigError(
                f"data._target_ must make a Dataset, and {target} made "
                f"{type(dataset).__name__}: see trainers/data/dataset.py"
            )
        for name in ("train", "valid", "test"):
            part = getattr(dataset, name)
            if not isinstance(part, Part):
                raise ConfigError(
                    f"data._target_={target}: its {name} part is a {type(part).__name__}, which "
                    "lacks labelled, len, inputs, batch or to: see Part in trainers/data/dataset.py"
                )
        return dataset

    def _beside(self, name: str) -> str | None:
        """Find a function beside `load`: its path as a `_target_`, or None if there is none."""
        module = inspect.getmodule(locate("data", self.data))
        return f"{module.__name__}.{name}" if module and name in vars(module) else None


def prepare(data: Mapping[str, Any]) -> Dataset:
    """Fetch what is missing and check it: once, by whoever starts trials, before them.

    Returns:
        The data set on the CPU, for its fingerprint and shapes.

    Raises:
        DataError: it is absent, damaged, or cannot be fetched.
        ConfigError: the configuration of the data set does not fit its `_target_`.
    """
    configured = Configured(data)
    configured.prepare()
    written = _key(data)
    _loaded.pop(written, None)  # what is on disk may have changed
    for key in [key for key in _resident if key[0] == written]:
        del _resident[key]
    dataset = configured.load(thorough=True)
    _remember(_loaded, written, dataset)
    return dataset


def here(data: Mapping[str, Any]) -> bool:
    """Return whether the data set is on this machine, so that `load` will not fetch it.

    Raises:
        DataError: it is not, and cannot be fetched.
    """
    return Configured(data).here()


def load(data: Mapping[str, Any]) -> Dataset:
    """Load the data set on the CPU, from memory if this process has read it before."""
    key = _key(data)
    if key not in _loaded:
        _remember(_loaded, key, Configured(data).load())
    return _loaded[key]


def on(device: torch.device, data: Mapping[str, Any]) -> Dataset:
    """Move the training and validation parts to `device`, once; the test part stays put."""
    key = (_key(data), str(device))
    if key not in _resident:
        dataset = load(data)
        moved = replace(dataset, train=dataset.train.to(device), valid=dataset.valid.to(device))
        _remember(_resident, key, moved)
    return _resident[key]


def _key(data: Mapping[str, Any]) -> str:
    return json.dumps(data, sort_keys=True)


def _remember(kept: dict[Any, Dataset], key: object, dataset: Dataset) -> None:
    while len(kept) >= _KEPT:
        kept.pop(next(iter(kept)))
    kept[key] = dataset
