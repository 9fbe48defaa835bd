"""Make the trials' folders once the disk lets it; set aside those of unrecorded trials.

A trial is unrecorded if the study was away until the driver ended. A session that resumes proposes
the like of it again under the same id, and goes on with what its folder has. With several trials at
a time another order of events may make it propose something else: what was trained then belongs to
other values, and must not be taken for these.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import yaml

from sweeps.config.keys import value_at
from sweeps.driver.observer import Observer
from sweeps.results_folder import Folder, write_config
from sweeps.trials import SEED, TrialRecord
from trainers.files import disk_faults
from trainers.files.yaml_text import load_yaml

_T = TypeVar("_T")

#: Seconds between two attempts to write to the results.
_LOOK_S = 1.0

#: In the sweep's folder, for what is not on record.
ASIDE = "unrecorded"


class TrialFolders:
    """Makes the folders of a session's trials; a fault of the disk is waited for."""

    def __init__(
        self, folder: Folder | None, observer: Observer, listen: Callable[[], str]
    ) -> None:
        """Make them in a sweep's folder; None: nowhere.

        Args:
            listen: listens to what else there is, and returns why to wait no longer, if so.
        """
        self._folder, self._observer, self._listen = folder, observer, listen

    def make(self, trial: TrialRecord, config: dict[str, Any]) -> Path | None:
        """Make the folder of a trial, its configuration in it; None if it is over before."""
        return self._patiently(partial(self._make, trial, config))

    def hand_over(self, child: TrialRecord, owner: str) -> None:
        """Give a trial what it takes over from another one (`Folder.hand_over`)."""
        if self._folder is not None:
            self._patiently(partial(self._folder.hand_over, child, owner))

    def _make(self, trial: TrialRecord, config: dict[str, Any]) -> Path:
        if self._folder is None:
            return Path(os.devnull)
        folder = self._folder.trials / trial.id
        if not trial.epochs and (message := set_aside(folder, config, trial.params)):
            self._observer.notify(message)
        folder.mkdir(parents=True, exist_ok=True)
        write_config(folder / "config.yaml", config)
        return folder

    def _patiently(self, act: Callable[[], _T]) -> _T | None:
        """Do what writes to the results, again until the disk lets it; None once it is over."""
        told = False
        while not self._listen():
            try:
                return act()
            except OSError as error:
                if disk_faults.of_disk(error) is None:
                    raise
                if not told:
                    told = True
                    self._observer.notify(
                        f"the results cannot be written ({error.strerror}: {error.filename}): no "
                        "further trial begins until they can"
                    )
                time.sleep(_LOOK_S)
        return None


def set_aside(folder: Path, config: Mapping[str, Any], keys: Iterable[str]) -> str:
    """Move a trial's folder away if it was trained with other values than these.

    Args:
        folder: of the trial, which has no epoch on record.
        config: its configuration, plain containers.
        keys: what varies.

    Returns:
        A message for the person; empty if nothing was moved.
    """
    try:
        before = load_yaml((folder / "config.yaml").read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return ""
    compared = (SEED, *keys)
    if _values(before, compared) == _values(config, compared):
        return ""
    aside = folder.parent.parent / ASIDE
    aside.mkdir(exist_ok=True)
    number = 1
    while (target := aside / f"{folder.name}-{number}").exists():
        number += 1
    folder.rename(target)
    return f"{folder.name}: its folder had a trial of other values, unrecorded; it is {target} now"


def _values(config: Any, keys: Iterable[str]) -> dict[str, Any]:
    """Map each dotted key that there is to its value."""
    values = {}
    for key in keys:
        with contextlib.suppress(KeyError):
            values[key] = value_at(config, key)
    return values
