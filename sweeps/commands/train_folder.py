"""Choose the folder of a training: `results/train/<number>`, a new one or one to go on in."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from sweeps import results_folder
from sweeps.config.keys import plain
from sweeps.config.recorded_training import read_training
from sweeps.config.trusted_targets import Origin
from sweeps.formatting import command
from trainers.config import Device, TrainConfig, typed
from trainers.errors import ConfigError
from trainers.files.whole_file import write_whole


@dataclass(frozen=True)
class TrainFolder:
    """Describes the folder of a training, with its configuration and id in it.

    Attributes:
        id: unlike that of any other training of anybody, kept in the folder.
        training: what to train, and the same in plain containers.
        trained: epochs that it has already.
    """

    path: Path
    id: str
    training: TrainConfig
    container: Mapping[str, Any]
    trained: frozenset[int]


def choose(config: DictConfig, more: int, fingerprint: str) -> TrainFolder:
    """Choose the folder of a training, and write its configuration there.

    Args:
        more: epochs for which the last training of this configuration goes on; 0: none does.
        fingerprint: that of the data.

    Raises:
        ConfigError: no training to go on with, or one of other data, or a folder that cannot be
            written.
    """
    from trainers.files import history

    parent = Path(typed(config).results) / "train"
    if more:
        folder, before = _last(parent, config)
        config = _with_epochs(config, before + more)
    else:
        folder = _unfinished_or_fresh(parent, plain(config), typed(config))
    require_data(folder, fingerprint)
    container = plain(config)
    OmegaConf.save(OmegaConf.create(container), folder / "config.yaml")
    trained = frozenset(history.read(folder / "metrics.csv"))
    return TrainFolder(folder, id_of(folder), typed(config), container, trained)


@dataclass(frozen=True)
class Trained:
    """Describes a training that has ended, at its best epoch."""

    path: Path
    training: TrainConfig
    epoch: int
    value: float

    @property
    def checkpoint(self) -> Path:
        """Folder of the best epoch's checkpoint."""
        return self.path / f"epoch_{self.epoch:03d}"


def is_training(name: str) -> bool:
    """Return whether a name is that of a training, train/0003; no sweep has a name like it."""
    return name.startswith("train/")


def find(results: Path, name: str, trust: str) -> Trained:
    """Find a training that has ended.

    Args:
        name: train/0003, or train/3.
        trust: packages whose classes its configuration may name, as `trust=` has them.

    Raises:
        ConfigError: it is not there, has not ended, or was trained on other data.
    """
    from trainers.data.resident import prepare
    from trainers.files import history

    parent = results.expanduser() / "train"
    number = name.rpartition("/")[2]
    path = parent / (f"{int(number):04d}" if number.isdecimal() else number)
    if not number.isdecimal() or not (path / "config.yaml").is_file():
        there = results_folder.numbered(parent)
        which = f"there are {there[0].name} to {there[-1].name}" if there else "there are none"
        raise ConfigError(f"TRAIN={number}: no such training in {parent} ({which})")
    training = read_training(path / "config.yaml", Origin.read(path, [f"trust={trust}"]))
    training.device = Device.auto  # of this machine, which may be another
    rows = history.read(path / "metrics.csv")
    last = max(rows, default=0)
    if last < training.epochs and not history.stalled(rows, training.task, training.patience):
        raise ConfigError(
            f"{path} is unfinished, with {last} of {training.epochs} epochs: the make train "
            "command that began it goes on with it"
        )
    require_data(path, prepare(training.data).fingerprint)
    best = history.best(rows, training.task)
    return Trained(path, training, best, rows[best][training.task.metric])


def require_data(path: Path, fingerprint: str) -> None:
    """Refuse other data than a training has begun with, and record those that it begins with.

    Raises:
        ConfigError: the data is another now.
    """
    recorded = path / "data"
    if not recorded.is_file():  # one of an older version has none
        if not (path / "metrics.csv").is_file():
            write_whole(recorded, f"{fingerprint}\n")
        return
    before = recorded.read_text(encoding="utf-8").strip()
    if before != fingerprint:
        raise ConfigError(
            f"{path} was trained on other data (fingerprint {before}, now {fingerprint}): bring "
            f"them back, or begin anew in another folder, {command('train', results='…')}"
        )


def _unfinished_or_fresh(parent: Path, container: Mapping[str, Any], training: TrainConfig) -> Path:
    """Return the newest folder if it has this training unfinished, else a new one."""
    from trainers.files import history

    if folders := results_folder.numbered(parent):
        newest = folders[-1]
        rows = history.read(newest / "metrics.csv")
        unfinished = 0 < max(rows, default=0) < training.epochs and not history.stalled(
            rows, training.task, training.patience
        )
        if unfinished and _recorded(newest / "config.yaml") == dict(container):
            return newest
    return results_folder.create_numbered(parent)


def _last(parent: Path, config: DictConfig) -> tuple[Path, int]:
    """Return the folder of the last training of a configuration, and its number of epochs.

    Raises:
        ConfigError: there is none.
    """
    for folder in reversed(results_folder.numbered(parent)):
        recorded = _recorded(folder / "config.yaml")
        epochs = recorded.get("epochs")
        if isinstance(epochs, int) and plain(_with_epochs(config, epochs)) == recorded:
            return folder, epochs
    raise ConfigError(
        f"epochs=+…: {parent} has no training of this configuration to go on with: give all of "
        "them, epochs=…"
    )


def _with_epochs(config: DictConfig, epochs: int) -> DictConfig:
    """Copy a configuration with another number of epochs, and all that depends on it."""
    copy = config.copy()
    copy.epochs = epochs
    return copy


def _recorded(path: Path) -> dict[str, Any]:
    """Read the configuration of a training; empty if there is none."""
    try:
        container = OmegaConf.to_container(OmegaConf.load(path))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        return {}
    return {str(k): v for k, v in container.items()} if isinstance(container, dict) else {}


def id_of(folder: Path) -> str:
    """Return the id of a training, made once."""
    path = folder / "id"
    if not path.is_file():
        write_whole(path, f"{secrets.token_hex(4)}\n")
    return path.read_text(encoding="utf-8").strip()
