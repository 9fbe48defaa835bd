"""Read previous sweeps that a new one learns from (`from_sweep=a,b`), or refuse them.

An earlier sweep's study is only read, so it may be running. Its sweep.yaml says what it was; a
trial's own config.yaml says what was true for that trial alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sweeps import results_folder
from sweeps.config.composition import compose
from sweeps.config.keys import value_at
from sweeps.config.schema import FROM_SWEEP
from sweeps.config.trusted_targets import Origin
from sweeps.recorded import recorded_sweep
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.results_folder import Folder
from sweeps.space.space import Parameter
from sweeps.trials import TrialRecord
from trainers.config.hydra_grammar import written
from trainers.errors import ConfigError
from trainers.nearest_names import unknown


@dataclass(frozen=True)
class Earlier:
    """Describes a sweep that has been run, or runs, and what its trials had for other keys."""

    recorded: RecordedSweep
    _choices: dict[str, str | None] = field(default_factory=dict)

    @property
    def scored(self) -> list[TrialRecord]:
        """Return the trials from which a search can learn: those that its search has proposed."""
        objective = self.recorded.objective
        return [
            t
            for t in self.recorded.trials
            if t.source is None and t.state.scored and t.best(objective) is not None
        ]

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
        swept = self.recorded.dimensions
        if key.split(".")[0] in swept or key in swept:
            return value_at(self.recorded.trial_config(trial.id), key)
        return value_at(self.recorded.config, key)

    def _choice(self, group: str) -> str | None:
        """Return the choice of a group that was not swept; None if conf/ does not say any more."""
        if group not in self._choices:
            recorded = self.recorded
            try:
                with compose(recorded.overrides, Origin(recorded.folder.path)) as composition:
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
            there = results_folder.sweep_names(Path(where))
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
    return Earlier(recorded_sweep.read(folder))
