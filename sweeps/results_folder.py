"""What a sweep leaves behind: `results/<sweep>/`, whose names and columns others rely on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from sweeps import ROOT
from sweeps.trials import TrialRecord
from trainers.errors import ConfigError

#: The layout of the folder; a later one is refused rather than misread.
VERSION = 1

#: Searches as older records name them -> as conf/ names them now.
_MOVED = {"sweeps.ablation.Ablation": "sweeps.search.Ablation"}

_PACKAGES = ("ray", "torch", "optuna", "wandb", "hydra-core", "omegaconf", "numpy", "scikit-learn")


@dataclass(frozen=True)
class Folder:
    """`results/<sweep>/`."""

    path: Path

    @property
    def sweep(self) -> Path:
        """The resolved configuration and where it came from."""
        return self.path / "sweep.yaml"

    @property
    def study(self) -> Path:
        """The journal of the study."""
        return self.path / "study.log"

    @property
    def summary(self) -> Path:
        """What came of it; there if the last sitting was not killed."""
        return self.path / "summary.json"

    @property
    def trials(self) -> Path:
        """One folder a trial."""
        return self.path / "trials"

    def checkpoint(self, trial: str, epoch: int) -> Path:
        """The checkpoint of an epoch of a trial."""
        return self.trials / trial / f"epoch_{epoch:03d}"

    def hand_over(self, child: TrialRecord) -> None:
        """Give a trial that goes on from another what that one had by then.

        Raises:
            FileNotFoundError: its checkpoint is gone.
        """
        from trainers.inherit import hand_over

        assert child.source is not None
        parent = self.trials / child.source.trial
        hand_over(parent, self.trials / child.id, child.source.epoch)


def create(results: Path, name: str) -> Folder:
    """A new folder for a sweep; an existing one is never touched.

    Raises:
        ConfigError: the name is taken or no file name, or the folder cannot be written.
    """
    if not name or name in (".", "..") or "/" in name or name != name.strip():
        raise ConfigError(f"name={name!r} must be a plain folder name, such as name=mnist-2")
    folder = Folder(results / name)
    try:
        results.mkdir(parents=True, exist_ok=True)
        folder.path.mkdir()
    except FileExistsError:
        if not results.is_dir():
            raise ConfigError(f"results={results} is a file: name a folder") from None
        raise ConfigError(
            f"{folder.path} exists and is never overwritten: go on with it (make resume "
            f'SWEEP={name}), or name this one (ARGS="name={name}-2")'
        ) from None
    except OSError as error:
        raise ConfigError(
            f"results={results} cannot be written ({error.strerror}): name another folder, "
            "results=…"
        ) from None
    folder.trials.mkdir()
    return folder


def find(results: Path, name: str) -> Folder:
    """The folder of an existing sweep.

    Raises:
        ConfigError: there is none by that name; lists those there are.
    """
    folder = Folder(results / name)
    if not folder.sweep.is_file():
        there = sorted(path.parent.name for path in results.glob("*/sweep.yaml"))
        listed = f"there are: {', '.join(there)}" if there else "there are none"
        raise ConfigError(f"SWEEP={name}: no such sweep in {results} ({listed})")
    return folder


def write_sweep(
    folder: Folder, config: Mapping[str, Any], overrides: Sequence[str], fingerprint: str
) -> None:
    """Write sweep.yaml: what is run, by which code, on which data."""
    git = _git()
    content = {
        "version": VERSION,
        "config": dict(config),
        "overrides": list(overrides),
        "git": git,
        "python": sys.version.split()[0],
        "versions": {package: version(package) for package in _PACKAGES},
        "data": fingerprint,
    }
    # Not by OmegaConf: a ${…} in the diff is text.
    write_whole(folder.sweep, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


class _Dumper(getattr(yaml, "CDumper", yaml.Dumper)):  # type: ignore[misc]
    """Writes what OmegaConf reads as the same; in C, a tenth of the time of OmegaConf's own."""


def _text(dumper: Any, text: str) -> Any:
    """Quoted where it looks like a number to OmegaConf, as 1e-3 does, and not to YAML."""
    try:
        float(text)
    except ValueError:
        return dumper.represent_str(text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'")


_Dumper.add_representer(str, _text)


def write_config(path: Path, config: Mapping[str, Any]) -> None:
    """Write a resolved configuration, plain containers, for `OmegaConf.load`."""
    text = yaml.dump(
        config, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, sort_keys=False
    )
    path.write_text(text, encoding="utf-8")


def read_sweep(folder: Folder) -> dict[str, Any]:
    """Read sweep.yaml, with a search that has moved since under the name it has now.

    Raises:
        ConfigError: it is damaged, or a later version of this program wrote it.
    """
    content = read_record(folder.sweep, "a sweep")
    config = content.get("config")
    search = config.get("search") if isinstance(config, dict) else None
    if isinstance(search, dict) and search.get("_target_") in _MOVED:
        search["_target_"] = _MOVED[search["_target_"]]
    return content


def read_record(path: Path, what: str) -> dict[str, Any]:
    """A YAML file that says what a sweep or a plan of sweeps is, with its layout's version.

    Raises:
        ConfigError: it is damaged, or a later version of this program wrote it.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        newer = int(content["version"]) > VERSION
    except (yaml.YAMLError, TypeError, KeyError, ValueError):
        raise ConfigError(f"{path} is damaged: it is no record of {what}") from None
    if newer:
        raise ConfigError(
            f"{path.parent} was written by a newer Caviar (layout {content['version']}, this one "
            f"knows {VERSION}): update, or use another name"
        )
    return {str(key): value for key, value in content.items()}


def write_whole(path: Path, text: str) -> None:
    """Replace a file whole, or not at all."""
    fresh = path.with_name(f".{path.name}-{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def _git() -> dict[str, str]:
    """The commit of the code and what differs from it; empty outside a repository."""

    def ask(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        return {"sha": ask("rev-parse", "HEAD"), "diff": ask("diff", "HEAD")}
    except OSError:  # no git here
        return {"sha": "", "diff": ""}
