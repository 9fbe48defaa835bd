"""Take nothing that runs code from a folder of results: it may be somebody else's.

A configuration on record says what to build (`_target_`). It is taken if a YAML of this checkout's
conf/ builds the same in the same group, or if it is a class of the kind that the group wants, in
torch, optuna, trainers, sweeps or a package that the person trusts (`trust=[mylab]`). A function is
taken from conf/ alone: torch.load or pandas.read_pickle would run what a file says. What is not
taken is not imported to find out.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from sweeps import ROOT
from sweeps.config.overrides import key_of, value_of
from trainers.config.hydra_grammar import written
from trainers.errors import ConfigError
from trainers.files.yaml_text import load_yaml

_TARGET = "_target_"
_TRUST = "trust"

#: Packages whose classes are taken, if they are of the kind that the group wants.
_OURS = ("optuna", "sweeps", "torch", "trainers")

#: Group -> the class that what it builds must have (module:name; or one of several), or the methods
#: it must have.
_KINDS: Mapping[str, str | tuple[str, ...]] = {
    "activation": "torch.nn:Module",
    "augment": "torch.nn:Module",
    "loss": "torch.nn:Module",
    "model": "torch.nn:Module",
    "norm": "torch.nn:Module",
    "optimizer": "torch.optim:Optimizer",
    "schedule": "torch.optim.lr_scheduler:LRScheduler",
    "search": "optuna.samplers:BaseSampler optuna.samplers.nsgaii:BaseCrossover",
    "stop": ("judge",),
    "track": ("trial_started", "epoch", "trial_ended"),
}

#: Loads arrays that are pickled, which runs what they say: of a folder that conf/ names alone.
_PICKLED = "trainers.data.phonemes.legacy.load"


@dataclass(frozen=True)
class Origin:
    """Describes where a configuration comes from that is not this command line's.

    Attributes:
        folder: folder of results, for messages.
        trust: packages of which classes are taken.
        given: targets that the person's own command line names.
    """

    folder: Path
    trust: tuple[str, ...] = ()
    given: frozenset[str] = frozenset()

    @classmethod
    def read(cls, folder: Path, words: Sequence[str]) -> Origin:
        """Describe a folder of results, with what the person's command line says of trust.

        Raises:
            ConfigError: `trust=` is no list of packages.
        """
        targets = (value_of(word) for word in words if key_of(word).endswith(f".{_TARGET}"))
        return cls(folder, _trusted(words), frozenset(targets))

    def require_trusted(self, config: Mapping[str, Any]) -> None:
        """Refuse a configuration that would run code which is not this checkout's.

        Args:
            config: plain containers, resolved.

        Raises:
            ConfigError: names the key, its target, and what to do.
        """
        for path, target in _targets(config, ()):
            group = path[0] if path else ""
            if isinstance(target, str) and target in targets_of(group):
                self._refuse_pickled(config, target)
            elif str(target) not in self.given and not self._is_of_kind(group, target):
                key = ".".join((*path, _TARGET))
                raise ConfigError(
                    f"{key}={target} comes from {self.folder}, and no YAML of conf/{group} has it: "
                    f"it is not run.\nIf you trust who wrote it: a YAML for it in conf/{group}, or "
                    f"for a class trust=[{str(target).partition('.')[0]}]"
                )

    def require_words(self, words: Sequence[str]) -> None:
        """Refuse words of a command line on record that would change where Hydra looks.

        Raises:
            ConfigError: a key of Hydra's own, or an option.
        """
        for word in words:
            key = key_of(word).partition("@")[0]
            if word.startswith("-") or key.split("/")[0].split(".")[0] == "hydra":
                raise ConfigError(
                    f"{word} comes from {self.folder}, and would let Hydra read other files: it is "
                    "not run"
                )

    def _is_of_kind(self, group: str, target: object) -> bool:
        """Whether a target is a class of the group's kind in a package that is trusted."""
        kind = _KINDS.get(group)
        packages = (*_OURS, *self.trust)
        if kind is None or not isinstance(target, str) or not _within(target, packages):
            return False
        try:
            found = pkgutil.resolve_name(target)
        except Exception:  # a misspelt name, or whatever a module raises
            return False
        if not inspect.isclass(found) or not _within(found.__module__, packages):
            return False
        if isinstance(kind, str):
            return issubclass(found, tuple(map(pkgutil.resolve_name, kind.split())))
        return all(callable(getattr(found, method, None)) for method in kind)

    def _refuse_pickled(self, config: Mapping[str, Any], target: object) -> None:
        """Refuse pickled arrays of a folder that conf/ does not name."""
        if target != _PICKLED or _within(_PICKLED, self.trust):
            return
        own = OmegaConf.create({"root": _nodes("data")[_PICKLED].get("root")})
        root = config.get("data", {}).get("root")
        if str(root) != str(own.root):
            package = _PICKLED.rpartition(".")[0]
            raise ConfigError(
                f"data.root={root} comes from {self.folder}, and its pickled arrays can run code: "
                f"they are not loaded.\nIf you trust them: trust=[{package}]"
            )


def words_of_trust(words: Sequence[str]) -> list[str]:
    """List the words of a person's command line that say what is trusted.

    A command that is printed for the person repeats them. What a record says of trust does not
    count: whoever wrote it would trust themselves.
    """
    return [word for word in words if key_of(word) == _TRUST]


def trust_for_later(words: Sequence[str]) -> list[str]:
    """List the words by which a later session of a person's sweep trusts what this one does.

    Whoever names a class on the command line trusts its package.
    """
    targets = (value_of(word) for word in words if key_of(word).endswith(f".{_TARGET}"))
    packages = {target.partition(".")[0] for target in targets} - {*_OURS}
    trusted = [*_trusted(words), *sorted(one for one in packages if one.isidentifier())]
    return [f"{_TRUST}=[{','.join(dict.fromkeys(trusted))}]"] if trusted else []


def _trusted(words: Sequence[str]) -> tuple[str, ...]:
    """List the packages that a command line, or this checkout's conf/sweep.yaml, trusts.

    Raises:
        ConfigError: `trust=` is no list of names.
    """
    names = list(_load(ROOT / "conf" / "sweep.yaml").get("trust") or [])
    for word in words_of_trust(words):
        text = value_of(word).strip().removeprefix("[").removesuffix("]")
        names += [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if not isinstance(name, str) or not all(p.isidentifier() for p in name.split(".")):
            raise ConfigError(f"trust must name packages, not {written(name)}: trust=[mylab]")
    return tuple(names)


def _targets(node: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield the path and value of every `_target_`."""
    if isinstance(node, Mapping):
        if _TARGET in node:
            yield path, node[_TARGET]
        for key, inner in node.items():
            yield from _targets(inner, (*path, str(key)))
    elif isinstance(node, Sequence) and not isinstance(node, str | bytes):
        for number, inner in enumerate(node):
            yield from _targets(inner, (*path, str(number)))


def may_build(key: str, value: object) -> bool:
    """Whether a swept key and its value may change what a configuration builds."""
    if isinstance(value, str):
        return "${" in value or key.rpartition(".")[2].startswith("_")
    return isinstance(value, Mapping | Sequence)


def targets_of(group: str) -> frozenset[object]:
    """List the targets that conf/ has in a config group, those within others included."""
    return frozenset(_nodes(group))


@cache
def _nodes(group: str) -> Mapping[object, Mapping[str, Any]]:
    """Map each target of a config group to the whole node of its YAML."""
    found: dict[object, Mapping[str, Any]] = {}
    if group:
        for path in sorted((ROOT / "conf" / group).glob("*.yaml")):
            node = _load(path)
            for _, target in _targets(node, ()):
                found[target] = node
    return found


def _load(path: Path) -> Mapping[str, Any]:
    content = load_yaml(path.read_text(encoding="utf-8"))
    return content if isinstance(content, Mapping) else {}


def _within(path: str, packages: Sequence[str]) -> bool:
    return any(f"{path}.".startswith(f"{package}.") for package in packages)
