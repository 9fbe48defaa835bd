"""Keep what Hydra parses and composes, for the compositions that follow.

A sweep keeps the files of conf/ that it has parsed (`parse_once`): a third of a composition's time;
and a file that is edited while the sweep runs is the same for all of its trials. A process that
checks many sweeps keeps the composed groups too (`compose_once`).
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Hashable
from dataclasses import astuple, replace
from typing import Any

from hydra._internal import config_loader_impl
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository, IConfigRepository
from hydra._internal.defaults_list import DefaultsList, Overrides, create_defaults_list
from hydra.core.config_loader import ConfigLoader
from hydra.core.default_element import ResultDefault
from hydra.core.override_parser.types import Override
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig

_compose_groups = ConfigLoaderImpl._compose_config_from_defaults_list
_lists: dict[Hashable, DefaultsList] = {}
_composed: dict[Hashable, bytes] = {}
_read: dict[Hashable, bytes] = {}


def parse_once(loader: ConfigLoader) -> ConfigLoader:
    """Let a loader keep what it parses, from now on; returns it."""
    own = vars(loader)
    if not isinstance(own["repository"], _ParsedOnce):
        own["repository"] = _ParsedOnce(own["repository"], {})
    return loader


def compose_once() -> None:
    """Let this process compose each choice of groups once, from now on.

    What Hydra makes of the groups of a command line is a copy of what it made of them first; values
    are set by Hydra each time. Where it reads files outside of conf/ nothing is kept.
    """
    CachingConfigRepository.load_config = _load_once  # type: ignore[method-assign]
    ConfigLoaderImpl._compose_config_from_defaults_list = (  # type: ignore[method-assign]
        _compose_once
    )
    config_loader_impl.create_defaults_list = _list_once  # type: ignore[attr-defined]


def forget() -> None:
    """Compose all anew from now on: a file of conf/ has been changed."""
    for kept in (_lists, _composed, _read):
        kept.clear()


class _ParsedOnce:
    """Stands for a loader's repository of files. Hydra copies it for each composition.

    Each composition gets a copy of what was parsed, as it changes it. The places that are read are
    replaced in a copy and never changed: to copy them too took half of a composition that is kept.
    """

    def __init__(self, repository: Any, parsed: dict[str, bytes]) -> None:
        self._repository, self._parsed = repository, parsed

    def load_config(self, config_path: str) -> Any:
        """Return a file as Hydra has it; None if there is none."""
        if config_path not in self._parsed:
            self._parsed[config_path] = pickle.dumps(self._repository.load_config(config_path))
        return pickle.loads(self._parsed[config_path])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._repository, name)

    def __deepcopy__(self, memo: dict[int, Any]) -> _ParsedOnce:
        return _ParsedOnce(copy.copy(self._repository), self._parsed)


def _sources(repo: IConfigRepository) -> tuple[str, ...] | None:
    """Return where a repository reads; None if somebody may write there meanwhile."""
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
