"""Find the choices of a config group under which a value given for one of its keys applies.

`optimizer=adamw,sgd optimizer.momentum=0.9` is for sgd, as adamw has no such key, and an appended
`+optimizer.amsgrad=true` for each choice whose `_target_` takes it. Hydra would refuse the one, and
add the other to all.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from sweeps import ROOT
from sweeps.config.keys import exists
from sweeps.config.overrides import key_of
from sweeps.config.schema import Kind, is_of
from trainers.config.targets import locate, parameter
from trainers.errors import ConfigError

#: What a configuration may hold.
_PLAIN = (bool, int, float, str, list, tuple)


def in_group(word: str) -> bool:
    """Whether an override gives a value to a key in a config group that a sweep may vary.

    Which choices have the key is known only when it is known what varies.
    """
    group, _, below = key_of(word).partition(".")
    return bool(below) and not is_of(Kind.OF_SWEEP, group) and (ROOT / "conf" / group).is_dir()


def without_sweeps(words: Sequence[str]) -> list[str]:
    """Leave out of a command line what is swept, and the values of keys in a group that is."""
    read = {word: OverridesParser.create().parse_override(word) for word in words}
    groups = {o.key_or_group for o in read.values() if o.is_sweep_override()}
    return [
        word
        for word, override in read.items()
        if not override.is_sweep_override()
        and not (in_group(word) and override.key_or_group.partition(".")[0] in groups)
    ]


def applies(override: Override, config: DictConfig) -> bool:
    """Whether a fixed override is for a configuration, which has been composed without it."""
    key = override.key_or_group
    return exists(config, key) or (appends(override) and _taker(config, key) is not None)


def append_default(override: Override, config: DictConfig) -> None:
    """Append the key of a swept override to a configuration that takes it, as it is by default."""
    key = override.key_or_group
    if not appends(override) or exists(config, key):
        return
    found = _taker(config, key)
    if found is not None:
        plain = isinstance(found.default, _PLAIN)
        OmegaConf.update(config, key, found.default if plain else None, force_add=True)


def appends(override: Override) -> bool:
    """Whether an override adds a key: +key=value, or ++key=value, which may be there."""
    return override.is_add() or override.is_force_add()


def takes(config: DictConfig, key: str) -> bool:
    """Whether what a configuration builds takes a key as an argument; Hydra's own it always may."""
    return key.rpartition(".")[2].startswith("_") or _taker(config, key) is not None


def having(choices: Mapping[str, DictConfig], key: str) -> str:
    """Write which choices of a group have a key: "; rmsprop, sgd have", or nothing."""
    found = [name for name, config in choices.items() if exists(config, key)]
    return f"; {', '.join(found)} {'has' if len(found) == 1 else 'have'}" if found else ""


def taking(choices: Mapping[str, DictConfig], key: str) -> str:
    """Write which choices of a group take a key that is appended: "; adam, adamw do"."""
    found = []
    for name, config in choices.items():
        with suppress(ConfigError):  # what a choice builds may need a package that is not there
            if not exists(config, key) and _taker(config, key) is not None:
                found.append(name)
    return f"; {', '.join(found)} {'does' if len(found) == 1 else 'do'}" if found else ""


def _taker(config: DictConfig, key: str) -> inspect.Parameter | None:
    """Return the parameter of the innermost `_target_` above a key that would take it."""
    node: Any = config
    above: tuple[str, Mapping[str, Any], str] | None = None
    done = ""
    for part in key.split("."):
        if not OmegaConf.is_dict(node):
            break
        if "_target_" in node:
            above = (done, {"_target_": node["_target_"]}, part)
        done = f"{done}.{part}".lstrip(".")
        node = node.get(part) if part in node else None
    return None if above is None else parameter(locate(above[0], above[1]), above[2])
