"""Build the search that a `search` group describes, and check that it can draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection

from sweeps.search.samplers import Sampled
from sweeps.search.search import Search, Setting
from trainers.config.targets import check_arguments, instantiate, locate, settings_refused


def build(config: Mapping[str, Any], setting: Setting) -> Search:
    """Build the search that a `search` group describes: any Optuna sampler, or a `Search`.

    Raises:
        ConfigError: an argument that the sampler does not take, a value it refuses, or a space
            that it cannot draw from.
    """
    check_arguments("search", config, ("seed", "setting"))  # the code supplies these
    search: Search
    target = locate("search", config)
    if isinstance(target, type) and issubclass(target, BaseSampler):
        search = Sampled(instantiate("search", config), setting)
    else:
        search = instantiate("search", config, setting=setting)
    with settings_refused("search", config):
        _draw_once(search, setting)
    return search


def includes_own_values(config: Mapping[str, Any]) -> bool:
    """Whether a search also tries the value that a swept key has in the configuration."""
    return bool(getattr(locate("search", config), "INCLUDES_OWN_VALUES", False))


def _draw_once(search: Search, setting: Setting) -> None:
    """Draw one trial: some samplers refuse their settings or a space only then."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    directions = [StudyDirection.MINIMIZE] * max(1, len(setting.objectives))
    study = optuna.create_study(sampler=search.sampler(0), directions=directions)
    setting.space.suggest(study.ask())
