"""Compose the configuration of a sweep and of each of its trials with Hydra, from conf/.

A trial is the sweep's own composition with the trial's choices of groups swapped in by Hydra
and its values set. Hydra composes once for each combination of choices; values are set on a
copy, so the next trial costs milliseconds. A value that is given for a key of a swept group applies
where the choice has that key.
"""

from __future__ import annotations

import contextlib
import pickle
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_module
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from sweeps.config.choice_values import append_default, appends, applies, having, in_group
from sweeps.config.error_messages import explain
from sweeps.config.hydra_cache import parse_once
from sweeps.config.keys import exists, plain, plain_value
from sweeps.config.overrides import as_list, key_of, literal, refuse_below_null
from sweeps.config.schema import register
from sweeps.config.trusted_targets import Origin, may_build
from sweeps.config.unknown_keys import hint_keys, known_keys
from sweeps.redaction import without_password
from sweeps.space.space import Space
from trainers.config import TrainConfig, typed
from trainers.config.hydra_grammar import written
from trainers.errors import ConfigError

#: The key that turned histograms on in records of older versions: one for tracking and training.
_OLD_HISTOGRAMS = re.compile(r"^track\.histograms=")


class Composition:
    """Compose the configurations of one sweep.

    Attributes:
        base: the sweep's configuration without any swept value, resolved.
        parser: Hydra's parser of overrides.
        fixed_overrides, swept_overrides: overrides with one value, and with several to search.
        fixed, swept: the same as written on the command line.
        overrides: the command line.
    """

    def __init__(
        self,
        loader: ConfigLoader,
        master: DictConfig,
        overrides: Sequence[str],
        origin: Origin | None = None,
    ) -> None:
        """Start from what Hydra composed.

        Args:
            master: the composed configuration, its hydra node included.
            overrides: the command line, swept and fixed overrides together; `master` may lack the
                values of keys in groups (`sweeps.config.choice_values`).
            origin: where the command line was read, if it is not the person's own.
        """
        self._origin = origin
        self._loader = parse_once(loader)
        self._master = master
        self.parser = OverridesParser.create(config_loader=loader)
        words = [as_list(without_password(word), self.parser) for word in overrides]
        parsed = self.parser.parse_overrides(words)
        self.swept_overrides = [override for override in parsed if override.is_sweep_override()]
        self.fixed_overrides = [override for override in parsed if not override.is_sweep_override()]
        self.overrides = tuple(words)
        self.fixed = tuple(str(override.input_line) for override in self.fixed_overrides)
        self.swept = tuple(str(override.input_line) for override in self.swept_overrides)
        self._options: dict[str, list[str]] = {}
        self._variants: dict[tuple[tuple[str, str], ...], DictConfig] = {}
        self._pickled: dict[tuple[tuple[str, str], ...], bytes] = {}
        self._fixed_later: dict[str, Any] = {}
        self._varied = self._varied_groups()
        self._applied: dict[tuple[tuple[str, str], ...], list[Override]] = {}
        apart = any(map(in_group, self.fixed)) or any(map(appends, self.swept_overrides))
        if words == list(overrides) and not apart:
            # Hydra leaves what is swept out of its composition: the variant without choices.
            self._variants[()] = _without_hydra(pickle.loads(pickle.dumps(master)))
            self._require_trusted(self._variants[()])
        self.base = self.variant({})

    def choice(self, group: str) -> str:
        """Return the choice made in a config group, such as "tpe" in `search`."""
        return str(self._master.hydra.runtime.choices[group])

    def choices(self, params: Mapping[str, Any]) -> dict[str, str]:
        """Map each config group to the choice that a trial makes in it.

        Args:
            params: swept key -> value, of the trial.
        """
        made = self._master.hydra.runtime.choices
        groups = [group for group, choice in made.items() if choice and "/" not in group]
        return {group: str(params.get(group, made[group])) for group in groups}

    def section(self, key: str) -> dict[str, Any]:
        """Return a section of the sweep's configuration, such as `space`, unresolved."""
        node = self._master[key]
        container = OmegaConf.to_container(node) if node else {}
        assert isinstance(container, dict)
        return {str(name): value for name, value in container.items()}

    def options(self, key: str) -> list[str]:
        """List the choices of a config group; empty if there is no such group."""
        if key not in self._options:
            options = "." not in key and self._loader.get_group_options(key)
            self._options[key] = list(options or ())
        return self._options[key]

    def fix(self, key: str, value: Any) -> None:
        """Fix the value of a key in all configurations, once what it depends on is known."""
        self._fixed_later[key] = value
        self._pickled.clear()
        for config in self._variants.values():
            OmegaConf.update(config, key, value)

    def trial(self, params: Mapping[str, Any]) -> DictConfig:
        """Compose the configuration of a trial: the base with the given choices and values.

        Raises:
            ConfigError: a key that these choices do not have, or a value that it cannot hold.
        """
        choices = {key: str(value) for key, value in params.items() if self.options(key)}
        config = self._copy(choices)
        for key, value in params.items():
            if key not in choices:
                try:
                    OmegaConf.update(config, key, value)
                except OmegaConfBaseException as error:
                    raise ConfigError(explain(error, f"{key}={written(value)}")) from error
        if any(may_build(key, value) for key, value in params.items()):
            self._require_trusted(config)
        return config

    def training(self, params: Mapping[str, Any]) -> tuple[dict[str, Any], TrainConfig]:
        """Compose a trial's configuration as plain containers, and its training, typed.

        Raises:
            ConfigError: a key that these choices do not have, or a value that it cannot hold.
        """
        try:
            config = plain(self.trial(params))  # resolved once: that takes most of the time
        except OmegaConfBaseException as error:
            raise ConfigError(explain(error)) from error
        return config, typed(config)

    def examples(self, space: Space) -> Iterator[dict[str, Any]]:
        """List sample parameters of a space: none, then each key's values (or ends) one by one.

        A key's value comes with the choices of groups under which the key exists.
        """
        yield {}
        for parameter in space.parameters:
            for value in parameter.dimension.examples():
                yield {**parameter.choices, parameter.key: value}

    def keys(self, space: Space) -> list[str]:
        """List every key that some configuration of the space has, groups included."""
        groups = self._loader.list_groups("")
        variants = [self.variant(choices) for choices in space.single_choices()]
        return sorted({key for v in variants for key in hint_keys(v, groups)})

    def knows(self, space: Space, key: str) -> bool:
        """Whether a key is in some configuration, or would be if its group were not fixed."""
        return self.anywhere(space, key) or self.elsewhere(key)

    def as_is(self, space: Space, given: Mapping[str, Any]) -> dict[str, Any]:
        """Map each swept key to its value without a sweep, or to the one given here."""
        groups: dict[str, str] = {}
        values: dict[str, Any] = {}
        for parameter in space.parameters:
            key = parameter.key
            if not parameter.applies(values):
                continue
            if parameter.group:
                values[key] = groups[key] = str(given.get(key, self.choice(key)))
            elif exists(config := self.variant(groups), key):
                own = plain_value(OmegaConf.select(config, key))
                values[key] = given.get(key, own)
        return values

    def everywhere(self, space: Space, key: str) -> bool:
        """Whether every choice of the swept groups has a key, or the key is a group."""
        return bool(self.options(key)) or all(self.exists(c, key) for c in space.single_choices())

    def unswept(self, params: Mapping[str, Any], key: str) -> Any:
        """Return the choice of a group, or the value of a key, that a trial does not vary.

        Args:
            params: swept key -> value, of the trial.

        Raises:
            KeyError: the trial's configuration has no such key.
        """
        if self.options(key):
            return self.choice(key)
        config = self.variant({k: str(v) for k, v in params.items() if self.options(k)})
        if not exists(config, key):
            raise KeyError(key)
        return plain_value(OmegaConf.select(config, key))

    def _copy(self, choices: Mapping[str, str]) -> DictConfig:
        """Copy a variant, to be changed. Pickling takes a fifth of the time of a deep copy."""
        key = tuple(sorted(choices.items()))
        if key not in self._pickled:
            self._pickled[key] = pickle.dumps(self.variant(choices))
        config = pickle.loads(self._pickled[key])
        assert isinstance(config, DictConfig)
        return config

    def variant(self, choices: Mapping[str, str]) -> DictConfig:
        """Compose the configuration with these choices of groups, once; callers do not change it.

        Raises:
            ConfigError: Hydra refuses the choices.
        """
        key = tuple(sorted(choices.items()))
        if key not in self._variants:
            config, self._applied[key] = self._with_values(choices)
            for override in self.swept_overrides:
                append_default(override, config)
            for late, value in self._fixed_later.items():
                OmegaConf.update(config, late, value)
            self._variants[key] = config
        return self._variants[key]

    def _with_values(self, choices: Mapping[str, str]) -> tuple[DictConfig, list[Override]]:
        """Compose with these choices, and with the fixed overrides that apply to them."""
        always, depending = self._split(choices)
        chosen = [f"{group}={choice}" for group, choice in choices.items()]
        config = self._load([*always, *chosen])
        applying: list[Override] = []
        for _ in range(2):  # a `_target_` that is given may take what is appended
            more = [o for o in depending if o in applying or applies(o, config)]
            if more != applying:
                applying = more
                config = self._load([*always, *(str(o.input_line) for o in applying), *chosen])
        return config, applying

    def _load(self, words: Sequence[str]) -> DictConfig:
        """Let Hydra compose, and refuse what it refuses, or what must not be built."""
        try:
            config = self._loader.load_sweep_config(self._master, [*words])
        except (HydraException, OmegaConfBaseException) as error:
            raise ConfigError(self._why(error, words)) from error
        config = _without_hydra(config)
        self._require_trusted(config)
        return config

    def _why(self, error: Exception, words: Sequence[str]) -> str:
        """Explain what Hydra refuses; name the choices that have a key which this one lacks."""
        if lacking := re.search(r"Could not override '(([^'.]+)\.[^']+)'", str(error)):
            key, group = lacking.groups()
            if others := having(self.alternatives(key), key):
                return f"{key}: {group}={self.choice(group)} has no such key{others}"
        keys = hint_keys(self._master, self._loader.list_groups(""))
        return explain(error, " ".join(words), keys)

    def alternatives(self, key: str) -> dict[str, DictConfig]:
        """Compose each choice of a key's group, with none of the values given for its keys."""
        group = key.partition(".")[0]
        load = partial(self._loader.load_sweep_config, self._master)
        return {choice: load([f"{group}={choice}"]) for choice in self.options(group)}

    def _deciding(self, space: Space, key: str) -> Iterator[dict[str, str]]:
        """List the choices on which it depends whether some trial has a key."""
        conditional = key.partition(".")[0] in self.section("when")  # else it is always drawn
        return space.single_choices("" if conditional else key)

    def _varied_groups(self) -> frozenset[str]:
        """Find the groups that are swept over, by the command line or `space:`."""
        fixed = {override.key_or_group for override in self.fixed_overrides}
        swept = {override.key_or_group for override in self.swept_overrides}
        keys = swept | (self.section("space").keys() - fixed)
        return frozenset(key for key in keys if self.options(key))

    def unmet(self, choices: Mapping[str, str]) -> list[str]:
        """List the fixed overrides of keys that these choices of groups do not have or take."""
        _, applying = self._with_values(choices)
        return [str(o.input_line) for o in self._split(choices)[1] if o not in applying]

    def _split(self, choices: Mapping[str, str]) -> tuple[list[str], list[Override]]:
        """Split the fixed overrides into those for all configurations, and those that depend."""
        depending = [o for o in self.fixed_overrides if self._depends(o, choices)]
        return [str(o.input_line) for o in self.fixed_overrides if o not in depending], depending

    def _depends(self, override: Override, choices: Mapping[str, str]) -> bool:
        """Whether an override applies only where a choice of its key's group has the key."""
        group, _, below = override.key_or_group.partition(".")
        return bool(below) and (group in self._varied or group in choices)

    def lost(self, space: Space) -> list[Override]:
        """List the fixed overrides of keys that no choice of a swept group has or takes."""
        depending = [o for o in self.fixed_overrides if self._depends(o, {})]
        made = {o.key_or_group: [*self._deciding(space, o.key_or_group)] for o in depending}
        return [
            o for o in depending if not any(o in self._applying(c) for c in made[o.key_or_group])
        ]

    def _applying(self, choices: Mapping[str, str]) -> list[Override]:
        """List the fixed overrides that depend on choices, and apply to these."""
        self.variant(choices)
        return self._applied.get(tuple(sorted(choices.items())), [])

    def _require_trusted(self, config: DictConfig) -> None:
        """Refuse what would run code that is not this checkout's, in a composition on record."""
        if self._origin is not None:
            self._origin.require_trusted(plain(config))

    def exists(self, choices: Mapping[str, str], key: str) -> bool:
        """Whether the configuration with these choices has a key."""
        return exists(self.variant(choices), key)

    def anywhere(self, space: Space, key: str) -> bool:
        """Whether some choice of the swept groups has a key."""
        return any(self.exists(choices, key) for choices in self._deciding(space, key))

    def having(self, space: Space, key: str) -> DictConfig:
        """Return the base or, if that lacks a key, the first configuration that has it."""
        variants = (self.variant(choices) for choices in space.single_choices())
        return next((config for config in variants if exists(config, key)), self.base)

    def elsewhere(self, key: str) -> bool:
        """Whether a choice other than those of the command line would have the key."""
        group = key.split(".")[0]
        return bool(self.owner(key)) and any(
            self.exists({group: choice}, key) for choice in self.options(group)
        )

    def given(self, key: str) -> bool:
        """Whether the command line gives a key, or the group that it is in, one value."""
        given = {override.key_or_group for override in self.fixed_overrides}
        parts = key.split(".")
        return any(".".join(parts[:count]) in given for count in range(1, len(parts) + 1))

    def owner(self, key: str) -> str:
        """Return the override of the command line that chooses in the group of a key, if any."""
        words = (*self.fixed, *self.swept)
        return next((word for word in words if key_of(word) == key.split(".")[0]), "")


def _without_hydra(config: DictConfig) -> DictConfig:
    """Delete Hydra's own settings from a composition."""
    with open_dict(config):
        del config["hydra"]
    return config


@contextlib.contextmanager
def _aside() -> Iterator[None]:
    """Set Hydra's current composition aside within; Hydra holds one at a time."""
    hydra = GlobalHydra.instance()
    before, hydra.hydra = hydra.hydra, None
    try:
        yield
    finally:
        hydra.hydra = before


@contextlib.contextmanager
def compose(overrides: Sequence[str], origin: Origin | None = None) -> Iterator[Composition]:
    """Compose a command line, without Hydra's command, for `with` blocks; they may be nested.

    Args:
        origin: where the command line was read, if it is not the person's own.

    Raises:
        ConfigError: overrides that Hydra refuses, or that a record may not have.
    """
    if origin is not None:
        origin.require_words(overrides)
    refuse_below_null(overrides)
    overrides = literal(_OLD_HISTOGRAMS.sub("histograms=", word) for word in overrides)
    register()
    with _aside(), initialize_config_module("conf", version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        assert isinstance(loader, ConfigLoader)
        try:
            parsed = OverridesParser.create(config_loader=loader).parse_overrides(list(overrides))
            fixed = [str(o.input_line) for o in parsed if not o.is_sweep_override()]
            fixed = [word for word in fixed if not in_group(word)]
            master = hydra_compose("sweep", fixed, return_hydra_config=True)
        except (HydraException, OmegaConfBaseException) as error:
            raise ConfigError(explain(error, keys=known_keys(loader, overrides))) from error
        yield Composition(loader, master, overrides, origin)
