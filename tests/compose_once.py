"""Compose each choice of config groups once a process: Hydra took a fifth of the tests' time.

Each file of conf/ is parsed once, and what Hydra makes of the groups of a command line is a copy of
what it made of them first; the values are set by Hydra each time. Where it reads files that are not
of this checkout nothing is kept, as a test may change them.
"""

from __future__ import annotations

import pickle
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, replace
from typing import Any

from hydra._internal import config_loader_impl
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository, IConfigRepository
from hydra._internal.defaults_list import DefaultsList, Overrides, create_defaults_list
from hydra.core.default_element import ResultDefault
from hydra.core.override_parser.types import Override
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig

_compose_groups = ConfigLoaderImpl._compose_config_from_defaults_list
_lists: dict[Hashable, DefaultsList] = {}
_composed: dict[Hashable, bytes] = {}
_read: dict[Hashable, bytes] = {}


def _sources(repo: IConfigRepository) -> tuple[str, ...] | None:
    """Where a repository reads, or nothing if a test may have written there."""
    sources = tuple(source.full_path() for source in repo.get_sources())
    return None if any(source.startswith("file://") for source in sources) else sources


def _load_once(self: CachingConfigRepository, config_path: str) -> ConfigResult | None:
    if config_path not in self.cache:
        found: ConfigResult | None
        if (key := (_sources(self), config_path)) in _read:
            found = pickle.loads(_read[key])
        else:
            found = self.delegate.load_config(config_path=config_path)
            if found is None or key[0] is None:  # it may come to be there, or change
                return found
            _read[key] = pickle.dumps(found)
        self.cache[config_path] = found
    return self.cache[config_path]


def _list_once(
    repo: IConfigRepository,
    config_name: str | None,
    overrides_list: list[Override],
    prepend_hydra: bool,
    skip_missing: bool,
) -> DefaultsList:
    def listed() -> DefaultsList:
        return create_defaults_list(repo, config_name, overrides_list, prepend_hydra, skip_missing)

    if (sources := _sources(repo)) is None:
        return listed()
    values = Overrides(repo, overrides_list).config_overrides
    groups = tuple(str(word.input_line) for word in overrides_list if word not in values)
    key = (sources, config_name, groups, prepend_hydra, skip_missing)
    if key not in _lists:
        _lists[key] = listed()
    return replace(_lists[key], config_overrides=values)


def _compose_once(
    self: ConfigLoaderImpl, defaults: list[ResultDefault], repo: IConfigRepository
) -> DictConfig:
    if (sources := _sources(repo)) is None:
        return _compose_groups(self, defaults, repo)
    key = (sources, *map(astuple, defaults))
    if key not in _composed:
        _composed[key] = pickle.dumps(_compose_groups(self, defaults, repo))
    config = pickle.loads(_composed[key])
    assert isinstance(config, DictConfig)
    return config


def _patch(listed: Any, compose: Any) -> None:
    config_loader_impl.create_defaults_list = listed  # type: ignore[attr-defined]
    ConfigLoaderImpl._compose_config_from_defaults_list = compose  # type: ignore[method-assign]


def compose_once() -> None:
    """Let Hydra do so from now on."""
    CachingConfigRepository.load_config = _load_once  # type: ignore[method-assign]
    _patch(_list_once, _compose_once)


@contextmanager
def composed_anew() -> Iterator[None]:
    """Within, Hydra composes the whole of it each time, as it does outside the tests."""
    _patch(create_defaults_list, _compose_groups)
    try:
        yield
    finally:
        _patch(_list_once, _compose_once)
