"""Refuse keys that were appended in spite of a schema, such as +budget.trails=3."""

from __future__ import annotations

from collections.abc import Iterable

from hydra import compose
from hydra.core.config_loader import ConfigLoader
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sweeps.config.error_messages import explain
from sweeps.config.keys import dotted
from sweeps.config.overrides import key_of
from sweeps.config.schema import Kind, SweepConfig, is_of
from trainers.errors import ConfigError


def hint_keys(config: DictConfig, groups: Iterable[str]) -> list[str]:
    """List the keys and groups that a misspelt key of a command line may have meant.

    Not what is below `space:` and its like, whose keys are those of the rest, written once more.
    """
    keys = [key for key in dotted(config) if "." not in key or not is_of(Kind.OF_SPACE, key)]
    return sorted(key for key in {*keys, *groups} if key.split(".")[0] != "hydra")


def known_keys(loader: ConfigLoader, words: Iterable[str]) -> list[str]:
    """List what a misspelt key may have meant, given the choices of a command line.

    Hydra's configurations must have been initialized.
    """
    groups = loader.list_groups("")
    chosen = [word for word in words if key_of(word) in groups and "," not in word]
    try:
        config = compose("sweep", chosen)
    except HydraException:
        config = compose("sweep", [])
    return hint_keys(config, groups)


def refuse_unknown_keys(config: DictConfig) -> None:
    """Refuse a composed configuration with keys that the schema of a sweep does not have.

    Raises:
        ConfigError: names the first unknown key and the nearest one that exists.
    """
    schema = OmegaConf.structured(SweepConfig)
    try:
        OmegaConf.merge(schema, OmegaConf.to_container(config))
    except OmegaConfBaseException as error:
        keys = list(dotted(OmegaConf.structured(SweepConfig)))
        raise ConfigError(explain(error, keys=keys)) from error
