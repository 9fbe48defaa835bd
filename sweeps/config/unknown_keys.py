"""Refuse keys that were appended in spite of a schema, such as +budget.trails=3."""

from __future__ import annotations

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sweeps.config.error_messages import explain
from sweeps.config.keys import dotted
from sweeps.config.schema import SweepConfig
from trainers.errors import ConfigError


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
