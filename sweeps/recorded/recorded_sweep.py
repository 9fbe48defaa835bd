"""Read a sweep from its folder: what it was asked to do, and its trials as they stand.

Nothing is composed, instantiated or locked: a folder that came from somebody else is data. Reports,
sheets and sweeps that learn from previous ones read it here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob
from hydra.errors import HydraException

from sweeps import results_folder
from sweeps.recorded.remarks import Remark, remarks_of
from sweeps.recorded.spans import Span, sessions, spans_of, total
from sweeps.repeats import verdict
from sweeps.repeats.plan import Standing, stand
from sweeps.repeats.settings import Repeats
from sweeps.results_folder import Folder
from sweeps.space.dimensions import Choice, Dimension, Interval
from sweeps.space.grammar import parse, parse_yaml
from sweeps.study import reader
from sweeps.study.url import shared
from sweeps.trials import SEED, Objective, Ranked, TrialRecord, ranking
from trainers.errors import ConfigError, first_line
from trainers.files.yaml_text import load_yaml

#: The study's attribute that keeps where its runs are in W&B: {"project_url"}.
WANDB = "wandb"

#: What is between two top-level keys of a YAML file.
_BLOCK = re.compile(r"(?<=\n)(?=[\w.]+:(?:\s|$))")


@dataclass(frozen=True)
class RecordedSweep:
    """Describes a sweep that has been run, or runs.

    Attributes:
        config, overrides: as sweep.yaml has them; `config` is resolved.
        choices: config group -> the choice made where it is not swept; empty in older records.
        data: fingerprint of its data.
        made_by: what it ran on: {"git": {"sha", "diff"}, "python", "versions"}.
        uid: tells the sweep from others of its name, in W&B too.
        wall_s: seconds spent on it so far.
        objectives: the first ranks its trials.
        dimensions: swept key -> what it varied over, in the order of the space.
        trials: all on record, by number, repeats of the best among them.
        remarks: of people, in the order of time.
        attributes: of the study, as `sweeps.study.codec` lists them.
    """

    folder: Folder
    config: Mapping[str, Any]
    overrides: Sequence[str]
    choices: Mapping[str, str]
    data: str
    made_by: Mapping[str, Any]
    uid: str
    wall_s: float
    objectives: tuple[Objective, ...]
    dimensions: Mapping[str, Dimension]
    trials: tuple[TrialRecord, ...]
    remarks: tuple[Remark, ...]
    attributes: Mapping[str, Any] = field(repr=False)
    _configs: dict[str, Mapping[str, Any]] = field(default_factory=dict, repr=False, compare=False)
    _blocks: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def name(self) -> str:
        """Return the name of the sweep: its folder's, which may have been renamed."""
        return self.folder.path.name

    @property
    def objective(self) -> Objective:
        """Return what ranks its trials."""
        return self.objectives[0]

    @property
    def searched(self) -> list[TrialRecord]:
        """List the trials without the repeats of the best."""
        return [trial for trial in self.trials if trial.repeat_of is None]

    @property
    def repeats(self) -> Standing:
        """Return how the repeats of its best stand."""
        settings = Repeats.read(self.config.get("repeats"))
        return stand(settings, self.trials, self.objective, int(self.config[SEED]))

    @cached_property
    def ranked(self) -> list[Ranked]:
        """Rank the scored trials: the first is the one that won when the best were run again."""
        ranked = ranking(list(self.trials), self.objective)
        won = verdict.winner(self.repeats, self.objective)
        return ranked if won is None else [won.ranked, *(r for r in ranked if r != won.ranked)]

    @cached_property
    def best_epochs(self) -> Mapping[str, tuple[int, float] | None]:
        """Map each trial to its best epoch and the value there; None before its first."""
        return {trial.id: trial.best(self.objective) for trial in self.trials}

    @cached_property
    def spans(self) -> Mapping[str, Sequence[Span]]:
        """Return when each machine trained, by its name."""
        return spans_of(self.trials)

    @cached_property
    def epochs_span(self) -> float:
        """Return the seconds from the first epoch's start to the last one's end, without breaks.

        Less than the wall time of the sweep, in which Ray and processes start, and files are
        written.
        """
        return total(sessions(self.spans))

    @property
    def baseline(self) -> TrialRecord | None:
        """Return the trial of the configuration as it is: the first, if the sweep began with it."""
        first = self.trials[0] if self.trials else None
        return first if self.config.get("baseline") and first and first.source is None else None

    def trial_config(self, trial: str) -> Mapping[str, Any]:
        """Return a trial's own resolved configuration; empty if it has left none."""
        if trial not in self._configs:
            path = self.folder.trials / trial / "config.yaml"
            try:
                self._configs[trial] = self._parsed(path.read_text(encoding="utf-8"))
            except (OSError, yaml.YAMLError, ValueError):
                self._configs[trial] = {}
        return self._configs[trial]

    def _parsed(self, text: str) -> Mapping[str, Any]:
        """Parse a configuration by its top-level keys, most of which all trials have alike.

        It takes a tenth of the time, which for 5,000 trials is 7 s.
        """
        config: dict[str, Any] = {}
        for block in _BLOCK.split(text):
            if block not in self._blocks:
                try:
                    self._blocks[block] = load_yaml(block)
                except yaml.YAMLError:  # not of our writing: an alias, or a text over many lines
                    self._blocks[block] = None
            content = self._blocks[block]
            if not isinstance(content, dict):
                whole = load_yaml(text)
                return whole if isinstance(whole, dict) else {}
            config.update(content)
        return config


def read(folder: Folder) -> RecordedSweep:
    """Read a sweep as its folder has it now.

    Raises:
        ConfigError: it has no study yet, or a record that cannot be read.
    """
    content = results_folder.read_sweep(folder)
    config, overrides = content["config"], content["overrides"]
    for key in ("name", SEED):
        if key not in config:
            raise ConfigError(f"{folder.sweep} is damaged: it has no config.{key}")
    place = shared(config.get("study"))
    if place is None and not folder.study.is_file():
        raise ConfigError(f"{folder.path} has no study.log: let the sweep run first")
    try:
        dimensions = _dimensions(config, overrides)
    except (HydraException, ConfigError) as error:
        raise ConfigError(
            f"{folder.sweep} is damaged: what it varies cannot be read ({first_line(error)})"
        ) from None

    def values(labels: Mapping[str, Any]) -> dict[str, Any]:
        return {key: _value(dimensions.get(key), label) for key, label in labels.items()}

    record = reader.read(place or folder.study, config["name"], values)
    further = (config.get("objectives") or {}).items()
    return RecordedSweep(
        folder=folder,
        config=config,
        overrides=overrides,
        choices=content.get("choices") or {},
        data=content["data"],
        made_by={key: content.get(key) for key in ("git", "python", "versions")},
        uid=str(record.attributes.get("uid", "")),
        wall_s=record.wall_s,
        objectives=(record.objective, *(Objective(k, v == "max") for k, v in further)),
        dimensions=dimensions,
        trials=record.trials,
        remarks=remarks_of(record.attributes),
        attributes=record.attributes,
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
        return load_yaml(label)
    return label
