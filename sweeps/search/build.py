"""Build the search that a `search` group describes, and see that it can draw."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import optuna
from hydra.utils import instantiate
from optuna.study import StudyDirection

from sweeps.search.samplers import Sampled
from sweeps.search.search import Search, Setting
from trainers.check import check_arguments, locate
from trainers.errors import ConfigError


def build(config: Mapping[str, Any], setting: Setting) -> Search:
    """The search that a `search` group describes: an Optuna sampler, or one of this project's.

    Raises:
        ConfigError: an argument that the sampler does not take, a value it refuses, or a space
            that it cannot draw from.
    """
    check_arguments("search", config, ("seed", "setting"))
    target = str(config["_target_"])
    try:
        if target.startswith("optuna."):
            make = instantiate(config)
            # Hydra examines every call of a partial of its own anew, at 0.4 ms a proposal.
            search: Search = Sampled(partial(make.func, *make.args, **make.keywords), setting)
        else:
            # In two steps: Hydra would take the setting, a dataclass, for a configuration.
            search = instantiate(config, _partial_=True)(setting=setting)
        _try(search, setting)
        return search
    except ConfigError:
        raise
    except Exception as error:  # whatever a third party's constructor raises
        cause = error.__cause__ or error
        if isinstance(cause, ConfigError):
            raise cause from error
        reason = str(cause).strip().splitlines()[0]
        raise ConfigError(f"search: {target} refuses its settings: {reason}") from error


def includes_own_values(config: Mapping[str, Any]) -> bool:
    """Whether a search wants the value that a key has without a sweep among those it may have."""
    return bool(getattr(locate("search", config), "INCLUDES_OWN_VALUES", False))


def _try(search: Search, setting: Setting) -> None:
    """Draw once: what a sampler cannot draw from, or not for, some say only then."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    directions = [StudyDirection.MINIMIZE] * max(1, len(setting.objectives))
    study = optuna.create_study(sampler=search.sampler(0), directions=directions)
    setting.space.suggest(study.ask())
