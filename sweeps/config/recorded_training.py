"""Read the configuration of a training that a folder of results has on record."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sweeps.config.keys import plain
from sweeps.config.trusted_targets import Origin
from trainers.config import TrainConfig, typed
from trainers.errors import ConfigError, first_line


def read_training(path: Path, origin: Origin) -> TrainConfig:
    """Read the config.yaml of a trial, which may be somebody else's.

    Args:
        origin: where it comes from, and what is trusted.

    Raises:
        ConfigError: the file cannot be read, is no configuration, or would run code.
    """
    try:
        loaded = OmegaConf.load(path)
        if not OmegaConf.is_dict(loaded):
            raise ConfigError(f"{path} is damaged: it is no configuration")
        container = plain(loaded)  # type: ignore[arg-type]
    except (OSError, yaml.YAMLError, OmegaConfBaseException, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read: {first_line(error)}") from error
    training = {f.name: container[f.name] for f in fields(TrainConfig) if f.name in container}
    origin.require_trusted(training)  # the rest, such as a search, is not built from here
    read = typed(training)
    # What it was trained on is no matter here: the resources are those of this machine.
    return replace(read, resources=replace(read.resources, gpu=None))
