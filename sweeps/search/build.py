"""Build the search that a `search` group describes, and check that it can draw."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection

from sweeps.config.trusted_targets import targets_of
from sweeps.search.sampler_memory import refuse_outside
from sweeps.search.samplers import Sampled
from sweeps.search.search import Search, Setting
from trainers.config.targets import (
    check_arguments,
    instantiate,
    locate,
    settings_refused,
    takes,
)
from trainers.errors import ConfigError


def build(config: Mapping[str, Any], setting: Setting) -> Search:
    """Build the search that a `search` group describes: any Optuna sampler, or a `Search`.

    What takes a `setting` makes a `Search`; all else is to make an Optuna sampler.

    Raises:
        ConfigError: an argument that the sampler does not take, a value it refuses, or a space
            that it cannot draw from.
    """
    search: Search
    target = locate("search", config)
    _check_arguments(config)
    if takes(target, "setting"):
        search = instantiate("search", config, setting=setting)
    else:
        search = Sampled(instantiate("search", {**config, "_partial_": True}), setting)
    with settings_refused("search", config):
        _draw_once(search, setting)
    return search


def notes_of(search: Search) -> list[str]:
    """List what a person should know of what a search can promise."""
    if not isinstance(search, Sampled) or search.seeded:
        return []
    return [
        f"search: {search.name} takes no seed: it proposes otherwise in another run, and what it "
        "keeps in memory is lost with a resume"
    ]


def includes_own_values(config: Mapping[str, Any]) -> bool:
    """Whether a search also tries the value that a swept key has in the configuration."""
    return bool(getattr(locate("search", config), "INCLUDES_OWN_VALUES", False))


def _draw_once(search: Search, setting: Setting) -> None:
    """Draw one trial: some samplers refuse their settings or a space only then."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    directions = [StudyDirection.MINIMIZE] * max(1, len(setting.objectives))
    sampler = search.sampler(0)
    if not isinstance(sampler, BaseSampler):
        kind = type(sampler).__name__
        raise ConfigError(f"search._target_ must make an Optuna sampler, and made a {kind}")
    study = optuna.create_study(sampler=sampler, directions=directions)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it warns of is refused in a line of ours
        setting.space.suggest(study.ask())
    refuse_outside(sampler, study.get_trials(deepcopy=False)[-1])


def _check_arguments(config: Mapping[str, Any]) -> None:
    """Check the keys of the group, which may be left over from another search's YAML."""
    try:
        check_arguments("search", config, ("seed", "setting"))  # the code supplies these
    except ConfigError as error:
        target = config["_target_"]
        if target in targets_of("search"):
            raise
        raise ConfigError(
            f"{error}\nTo begin without the keys of another search: search=random "
            f"search._target_={target}"
        ) from error
