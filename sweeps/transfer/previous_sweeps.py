"""Read previous sweeps that a new one learns from (`from_sweep=a,b`), or refuse them.

An earlier sweep's study is only read, so it may be running. Its sweep.yaml says what it was; a
trial's own config.yaml says what was true for that trial alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob

from sweeps import results_folder
from sweeps.config.composition import compose
from sweeps.config.keys import value_at
from sweeps.config.schema import FROM_SWEEP
from sweeps.config.trusted_targets import Origin
from sweeps.repeats import verdict
from sweeps.repeats.plan import stand
from sweeps.repeats.settings import Repeats
from sweeps.results_folder import Folder
from sweeps.space.dimensions import Choice, Dimension, Interval
from sweeps.space.grammar import parse, parse_yaml
from sweeps.space.space import Parameter
from sweeps.study import reader
from sweeps.study.url import shared
from sweeps.trials import SEED, Objective, Ranked, TrialRecord, ranking
from trainers.config.hydra_grammar import written
from trainers.errors import ConfigError
from trainers.nearest_names import unknown

#: C, where PyYAML has it, is ten times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Earlier:
    """Describes a sweep that has been run, or runs.

    Attributes:
        config, overrides, data: as sweep.yaml has them.
        dimensions: what was swept.
        wall_s: seconds spent on it so far.
        trials: all on record.
    """

    folder: Folder
    config: Mapping[str, Any]
    overrides: Sequence[str]
    data: str
    wall_s: float
    objective: Objective
    dimensions: Mapping[str, Dimension]
    trials: tuple[TrialRecord, ...]
    _choices: dict[str, str | None] = field(default_factory=dict)
    _configs: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the name of the sweep."""
        return self.folder.path.name

    @property
    def scored(self) -> list[TrialRecord]:
        """Return the trials from which a search can learn: those that its search has proposed."""
        return [
            t
            for t in self.trials
            if t.source is None and t.state.scored and t.best(self.objective) is not None
        ]

    @property
    def ranked(self) -> list[Ranked]:
        """Rank the scored trials: the first is the one that won when the best were run again."""
        ranked = ranking(list(self.trials), self.objective)
        repeats = Repeats.read(self.config.get("repeats"))
        again = stand(repeats, self.trials, self.objective, int(self.config[SEED]))
        won = verdict.winner(again, self.objective)
        return ranked if won is None else [won.ranked, *(r for r in ranked if r != won.ranked)]

    def then(self, trial: TrialRecord, parameter: Parameter) -> Any:
        """Return what one of its trials had for a key that it did not draw.

        Raises:
            KeyError: that is not known.
        """
        key = parameter.key
        if parameter.group:
            choice = self._choice(key)
            if choice is None:
                raise KeyError(key)
            return choice
        if key.split(".")[0] in self.dimensions or key in self.dimensions:
            return value_at(self._config(trial.id), key)
        return value_at(self.config, key)

    def _config(self, trial: str) -> Any:
        """Return a trial's own configuration; empty if it has left none."""
        if trial not in self._configs:
            path = self.folder.trials / trial / "config.yaml"
            content = path.read_text(encoding="utf-8") if path.is_file() else ""
            self._configs[trial] = yaml.load(content, _LOADER)
        return self._configs[trial]

    def _choice(self, group: str) -> str | None:
        """Return the choice of a group that was not swept; None if conf/ does not say any more."""
        if group not in self._choices:
            try:
                with compose(self.overrides, Origin(self.folder.path)) as composition:
                    self._choices[group] = composition.choice(group)
            except (ConfigError, KeyError):
                self._choices[group] = None
        return self._choices[group]


def named(given: Any, where: str) -> list[Folder]:
    """Find the folders of the sweeps that are named.

    Raises:
        ConfigError: one that is not there, or twice; or no names.
    """
    names = [] if given is None else given if isinstance(given, list) else [given]
    if not all(isinstance(name, str | int) and not isinstance(name, bool) for name in names):
        raise ConfigError(f"{FROM_SWEEP} must name sweeps, not {written(given)}: {FROM_SWEEP}=a,b")
    folders = []
    for name in map(str, names):
        folder = Folder(Path(where) / name)
        if (folder.path / "plan.yaml").is_file():
            raise ConfigError(
                f"{FROM_SWEEP}={name} is a plan: name one of its sweeps, {FROM_SWEEP}={name}-1"
            )
        if not folder.sweep.is_file():
            there = sorted(path.parent.name for path in Path(where).glob("*/sweep.yaml"))
            told = unknown("sweep", f"{FROM_SWEEP}={name}", name, there)
            raise ConfigError(f"{told} in {where}" + ("" if there else ": results= names another"))
        if folder in folders:
            raise ConfigError(f"{FROM_SWEEP} names {name} twice: once is enough")
        folders.append(folder)
    return folders


def read(folder: Folder) -> Earlier:
    """Read a sweep as its folder has it now.

    Raises:
        ConfigError: it has no study yet, or a record that cannot be read.
    """
    recorded = results_folder.read_sweep(folder)
    config, overrides = recorded["config"], recorded["overrides"]
    place = shared(config.get("study"))
    if place is None and not folder.study.is_file():
        raise ConfigError(f"{folder.path} has no study.log: let the sweep run first")
    dimensions = _dimensions(config, overrides)

    def values(labels: Mapping[str, Any]) -> dict[str, Any]:
        return {key: _value(dimensions.get(key), label) for key, label in labels.items()}

    record = reader.read(place or folder.study, config["name"], values)
    return Earlier(
        folder=folder,
        config=config,
        overrides=overrides,
        data=recorded["data"],
        wall_s=record.wall_s,
        objective=record.objective,
        dimensions=dimensions,
        trials=record.trials,
    )


def _dimensions(config: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Dimension]:
    """Return what a recorded sweep varied; groups need no list of their choices again."""
    parser = OverridesParser.create()
    given = parser.parse_overrides(list(overrides))
    keys = {override.key_or_group for override in given}
    written = {k: v for k, v in (config.get("space") or {}).items() if k not in keys}
    swept = [*parse_yaml(written, parser), *(o for o in given if o.is_sweep_override())]
    known = [override for override in swept if not isinstance(override.value(), Glob)]
    found = {p.key: p.dimension for p in parse(known, lambda key: ()).parameters}
    globs = {o.key_or_group for o in swept} - found.keys()
    return {**found, **{key: Choice(()) for key in globs}}


def _value(dimension: Dimension | None, label: Any) -> Any:
    """Return what is recorded under a label; a search may have added values to a choice."""
    if isinstance(dimension, Interval):
        return dimension.value(label)
    if isinstance(dimension, Choice):
        for value in dimension.values:
            if dimension.label(value) == label and isinstance(value, bool) == isinstance(
                label, bool
            ):
                return value
    if isinstance(label, str) and label[:1] in ("[", "{"):
        return yaml.safe_load(label)
    return label
