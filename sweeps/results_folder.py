"""Create, find and read `results/<sweep>/`, the folder that a sweep leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import NoneType
from typing import Any

import yaml

from sweeps import ROOT
from sweeps.formatting import arguments, command, one_line
from sweeps.redaction import redacted_text
from sweeps.trials import TrialRecord
from trainers.errors import ConfigError
from trainers.files.whole_file import write_whole
from trainers.files.yaml_text import load_yaml

#: Version of the folder's layout; a later one is refused rather than misread.
VERSION = 1

#: Bytes of a sweep's name: a plan adds to it, and so do the files and runs that are named by it.
LONGEST_NAME = 100

#: Searches as older records name them -> as conf/ names them now.
_MOVED = {"sweeps.ablation.Ablation": "sweeps.search.Ablation"}

#: What of sweep.yaml holds what, if it is there; and of its `config`.
_TOP: Mapping[str, type | tuple[type, ...]] = {
    "config": Mapping,
    "overrides": list,
    **dict.fromkeys(("choices", "git", "versions"), (Mapping, NoneType)),
    "data": str,
}
_CONFIG: Mapping[str, type | tuple[type, ...]] = {
    "name": str,
    "seed": int,
    **dict.fromkeys(("model", "optimizer", "task"), Mapping),
    **dict.fromkeys(("space", "objectives", "search", "stop", "track"), (Mapping, NoneType)),
    **dict.fromkeys(("budget", "resources"), (Mapping, NoneType)),
    "study": (str, NoneType),
}

_PACKAGES = ("ray", "torch", "optuna", "wandb", "hydra-core", "omegaconf", "numpy", "scikit-learn")


@dataclass(frozen=True)
class Folder:
    """Names the files of `results/<sweep>/`; users and tools rely on these names."""

    path: Path

    @property
    def sweep(self) -> Path:
        """File with the resolved configuration, its overrides and the versions of the code."""
        return self.path / "sweep.yaml"

    @property
    def study(self) -> Path:
        """Journal file of the study."""
        return self.path / "study.log"

    @property
    def summary(self) -> Path:
        """File with the results of the sweep; missing if the last session was killed."""
        return self.path / "summary.json"

    @property
    def trials(self) -> Path:
        """Return the folder with a folder for each trial."""
        return self.path / "trials"

    def checkpoint(self, trial: str, epoch: int) -> Path:
        """Return the path of the checkpoint of a trial's epoch."""
        return self.trials / trial / f"epoch_{epoch:03d}"

    def hand_over(self, child: TrialRecord, owner: str) -> None:
        """Copy the parent's files, up to the epoch taken over, to a child that continues it.

        Args:
            owner: id of the child's training, which its checkpoints carry.

        Raises:
            FileNotFoundError: the parent's checkpoint is gone.
        """
        from trainers.files.inherit import hand_over

        assert child.source is not None
        parent = self.trials / child.source.trial
        hand_over(parent, self.trials / child.id, child.source.epoch, owner)


def require_free(results: Path, name: str, trust: Sequence[str] = ()) -> None:
    """Refuse a name that a new sweep cannot have.

    Args:
        trust: words of the command line that say what is trusted.

    Raises:
        ConfigError: the name is taken, or is no name of a folder that every tool takes.
    """
    plain = name.isprintable() and name == name.strip() and not {"/", "="} & {*name}
    if not plain or not name or name[0] in ".-~" or len(os.fsencode(name)) > LONGEST_NAME:
        shown = name if len(name) <= LONGEST_NAME else f"{name[:20]}…"
        raise ConfigError(
            f"name={shown!r} must be a plain folder name of at most {LONGEST_NAME} bytes that "
            "begins with none of . - ~ and has no =, such as name=mnist-2"
        )
    if (results / name).exists():
        raise ConfigError(
            f"{results / name} exists and is never overwritten: go on with it "
            f"({command('resume', name, results, trust)}), or name this one "
            f"({arguments([f'name={name}-2'])})"
        )


def create(results: Path, name: str) -> Folder:
    """Create the folder of a new sweep; an existing folder is never touched.

    Raises:
        ConfigError: the name is taken or no file name, or the folder cannot be written.
    """
    folder = Folder(results / name)
    try:
        require_free(results, name)
        results.mkdir(parents=True, exist_ok=True)
        folder.path.mkdir()
    except FileExistsError:
        if not results.is_dir():
            raise ConfigError(f"results={results} is a file: name a folder") from None
        require_free(results, name)  # another sweep has just created it
        raise
    except OSError as error:
        raise ConfigError(
            f"results={results} cannot be written ({error.strerror}): name another folder, "
            "results=…"
        ) from None
    folder.trials.mkdir()
    return folder


def numbered(parent: Path) -> list[Path]:
    """List the numbered folders in a folder, ascending; none if it is not there."""
    found = parent.iterdir() if parent.is_dir() else ()
    return sorted((path for path in found if path.name.isdigit()), key=lambda path: int(path.name))


def create_numbered(parent: Path) -> Path:
    """Create the next numbered folder: `0001`, `0002` and so on.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        there = numbered(parent)
        folder = parent / f"{int(there[-1].name) + 1 if there else 1:04d}"
        folder.mkdir()
    except OSError as error:
        raise ConfigError(
            f"results={parent.parent} cannot be written ({error.strerror}): name another folder"
        ) from None
    return folder


def sweep_names(results: Path) -> list[str]:
    """List the names of the sweeps in a folder, sorted; a link to nothing is no sweep."""
    return sorted(path.parent.name for path in results.glob("*/sweep.yaml") if path.is_file())


def find(results: Path, name: str) -> Folder:
    """Find the folder of an existing sweep.

    Raises:
        ConfigError: no sweep has this name; the message lists the existing ones.
    """
    results = results.expanduser()
    folder = Folder(results / name)
    if not folder.sweep.is_file():
        names = sweep_names(results)
        existing = f"there are: {', '.join(names)}" if names else "there are none"
        raise ConfigError(f"SWEEP={name}: no such sweep in {results} ({existing})")
    return folder


def write_sweep(
    folder: Folder,
    config: Mapping[str, Any],
    overrides: Sequence[str],
    fingerprint: str,
    choices: Mapping[str, str] | None = None,
) -> None:
    """Write sweep.yaml: the configuration, the code and the data of a sweep.

    Args:
        choices: config group -> the choice that is made where it is not swept.
    """
    git = _git()
    content = {
        "version": VERSION,
        "config": dict(config),
        "overrides": list(overrides),
        "choices": dict(choices or {}),
        "git": git,
        "python": sys.version.split()[0],
        "versions": {package: version(package) for package in _PACKAGES},
        "data": fingerprint,
    }
    # Not with OmegaConf, which would interpolate a ${…} in the diff.
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    write_whole(folder.sweep, text, mode=0o600)  # a diff may hold what nobody else should read


class _Dumper(getattr(yaml, "CDumper", yaml.Dumper)):  # type: ignore[misc]
    """Dumps YAML that OmegaConf reads back unchanged; in C, in a tenth of OmegaConf's time."""


def _text(dumper: Any, text: str) -> Any:
    """Quote a text that OmegaConf takes for a number and YAML does not, such as 1e-3."""
    try:
        float(text)
    except ValueError:
        return dumper.represent_str(text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'")


_Dumper.add_representer(str, _text)


def write_config(path: Path, config: Mapping[str, Any]) -> None:
    """Write a resolved configuration of plain containers, for `OmegaConf.load`."""
    text = yaml.dump(
        config, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, sort_keys=False
    )
    write_whole(path, text)


def read_sweep(folder: Folder) -> dict[str, Any]:
    """Read sweep.yaml, with a search that has moved since under the name it has now.

    Raises:
        ConfigError: it is damaged, or a later version of this program wrote it.
    """
    content = read_record(folder.sweep, "a sweep")
    _require(folder.sweep, content, _TOP, ("config", "overrides", "data"))
    config = content["config"]
    _require(folder.sweep, config, _CONFIG, (), "config.")
    if not all(isinstance(word, str) for word in content["overrides"]):
        raise ConfigError(f"{folder.sweep} is damaged: its overrides are not all texts")
    search = config.get("search")
    if isinstance(search, dict) and str(search.get("_target_")) in _MOVED:
        search["_target_"] = _MOVED[search["_target_"]]
    return content


def _require(
    path: Path,
    content: Mapping[str, Any],
    kinds: Mapping[str, type | tuple[type, ...]],
    needed: Sequence[str],
    prefix: str = "",
) -> None:
    """Refuse a record that lacks what is needed, or has something else in its place."""
    for key in needed:
        if key not in content:
            raise ConfigError(f"{path} is damaged: it has no {prefix}{key}")
    for key, kind in kinds.items():
        if key in content and not isinstance(content[key], kind):
            shown = redacted_text(one_line(str(content[key])))[:60]
            raise ConfigError(f"{path} is damaged: its {prefix}{key} cannot be {shown!r}")


def read_record(path: Path, what: str) -> dict[str, Any]:
    """Read the YAML file that describes a sweep or a plan of sweeps, and check its version.

    Args:
        path: the file, which holds the version of its layout.
        what: what it describes, for messages: "a sweep".

    Raises:
        ConfigError: the file is damaged, or a later version of this program wrote it.
    """
    try:
        content = load_yaml(path.read_text(encoding="utf-8"))
        newer = int(content["version"]) > VERSION
    except (yaml.YAMLError, TypeError, KeyError, ValueError, OverflowError):
        raise ConfigError(f"{path} is damaged: it is no record of {what}") from None
    if newer:
        raise ConfigError(
            f"{path.parent} was written by a newer Caviar (layout {content['version']}, this one "
            f"knows {VERSION}): update, or use another name"
        )
    return {str(key): value for key, value in content.items()}


def _git() -> dict[str, str]:
    """Return the commit of the code and the diff to it, without secrets.

    Both are empty where the code has no repository of its own.
    """

    def ask(*words: str) -> str:
        answer = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, check=False)
        # A changed file may be in any encoding.
        return answer.stdout.decode("utf-8", "replace").strip() if answer.returncode == 0 else ""

    try:
        top = ask("rev-parse", "--show-toplevel")
        if not top or Path(top).resolve() != ROOT.resolve():  # unpacked inside of another one
            return {"sha": "", "diff": ""}
        return {"sha": ask("rev-parse", "HEAD"), "diff": redacted_text(ask("diff", "HEAD"))}
    except OSError:  # git is not installed
        return {"sha": "", "diff": ""}
