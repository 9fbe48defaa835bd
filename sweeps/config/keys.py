"""Look keys up in composed configurations, by their dotted names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from omegaconf import DictConfig, OmegaConf


def plain(config: DictConfig) -> dict[str, Any]:
    """Resolve a configuration into plain containers."""
    container = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def plain_value(value: Any) -> Any:
    """Resolve a value of a configuration into plain containers and scalars."""
    if OmegaConf.is_config(value):
        return OmegaConf.to_container(value, resolve=True, enum_to_str=True)
    return value.name if isinstance(value, Enum) else value


def exists(config: DictConfig, key: str) -> bool:
    """Whether a configuration has a dotted key, even if null; `betas.0` is in a list."""
    node: Any = config
    for part in key.split("."):
        if OmegaConf.is_list(node) and part.isdigit() and int(part) < len(node):
            node = node._get_node(int(part))
        elif OmegaConf.is_dict(node) and part in node:
            node = node._get_node(part)
        else:
            return False
    return True


def value_at(config: Any, key: str) -> Any:
    """Return the value under a dotted key of plain containers; `betas.0` is in a list.

    Raises:
        KeyError: there is no such key.
    """
    for part in key.split("."):
        if isinstance(config, list) and part.isdigit() and int(part) < len(config):
            config = config[int(part)]
        elif isinstance(config, Mapping) and part in config:
            config = config[part]
        else:
            raise KeyError(key)
    return config


def dotted(config: DictConfig) -> Iterator[str]:
    """List every key of a configuration that holds a value, in dotted form."""
    yield from _dotted(OmegaConf.to_container(config, resolve=False), "")


def _dotted(node: Any, prefix: str) -> Iterator[str]:
    for key, value in node.items():
        if isinstance(value, dict) and value:
            yield from _dotted(value, f"{prefix}{key}.")
        elif not str(key).startswith("_"):
            yield f"{prefix}{key}"
