"""From swept values to trials: ordinary Hydra compositions of conf/, and the checks on them.

A trial is the sweep's own composition with the trial's choices of groups swapped in by Hydra
and its values set. Hydra composes once for each combination of choices; values are set on a
copy, so the next trial costs milliseconds.
"""

from __future__ import annotations

import contextlib
import pickle
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from itertools import islice
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_module
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from sweeps.conditions import conditioned
from sweeps.config import SWEEP_KEYS, register
from sweeps.dimensions import Interval
from sweeps.listed import listed
from sweeps.messages import explain, unknown
from sweeps.seeds import SEED
from sweeps.shared import without_password
from sweeps.space import AS_CONFIGURED, Parameter, Space, parse, parse_yaml
from trainers.check import check_types
from trainers.config import TrainConfig, typed
from trainers.errors import ConfigError

#: Combinations of choices that are composed before the first trial (50 ms each), not when a slot
#: waits for them.
_COMPOSED_AHEAD = 48

#: How records of before turned them on: the tracker's key decided for the training too.
_OLD_HISTOGRAMS = re.compile(r"^track\.histograms=")


class Composition:
    """The configurations of one sweep.

    Attributes:
        base: the sweep's configuration without any swept value, resolved.
        fixed, swept: the overrides given for all trials, and those that vary, as written.
    """

    def __init__(self, loader: ConfigLoader, master: DictConfig, overrides: Sequence[str]) -> None:
        """Take over what Hydra composed.

        Args:
            master: the composed configuration, its hydra node included.
            overrides: the command line, swept and fixed overrides together.
        """
        self._loader = loader
        self._master = master
        self._parser = OverridesParser.create(config_loader=loader)
        overrides = [listed(without_password(word), self._parser) for word in overrides]
        parsed = self._parser.parse_overrides(overrides)
        self._swept = [override for override in parsed if override.is_sweep_override()]
        self._fixed = [override for override in parsed if not override.is_sweep_override()]
        self.overrides = tuple(overrides)
        self.fixed = tuple(str(override.input_line) for override in self._fixed)
        self.swept = tuple(str(override.input_line) for override in self._swept)
        self._options: dict[str, list[str]] = {}
        self._variants: dict[tuple[tuple[str, str], ...], DictConfig] = {}
        self._pickled: dict[tuple[tuple[str, str], ...], bytes] = {}
        self._settled: dict[str, Any] = {}
        self.base = self._variant({})

    def choice(self, group: str) -> str:
        """The choice made in a config group, such as "tpe" in search."""
        return str(self._master.hydra.runtime.choices[group])

    def options(self, key: str) -> list[str]:
        """The choices of a config group; empty if there is no such group."""
        if key not in self._options:
            known = "." not in key and self._loader.get_group_options(key)
            self._options[key] = list(known or ())
        return self._options[key]

    def settle(self, key: str, value: Any) -> None:
        """Give a key its value in all configurations, once what it depends on is known."""
        self._settled[key] = value
        self._pickled.clear()
        for config in self._variants.values():
            OmegaConf.update(config, key, value)

    def trial(self, params: Mapping[str, Any]) -> DictConfig:
        """The configuration of a trial: the base with the given choices and values.

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
                    raise ConfigError(explain(error, f"{key}={value}")) from error
        return config

    def training(self, params: Mapping[str, Any]) -> tuple[dict[str, Any], TrainConfig]:
        """A trial's whole configuration, plain containers, and the training in it, typed.

        Raises:
            ConfigError: a key that these choices do not have, or a value that it cannot hold.
        """
        try:
            config = plain(self.trial(params))  # resolved once: that takes most of the time
        except OmegaConfBaseException as error:
            raise ConfigError(explain(error)) from error
        return config, typed(config)

    def space(self, with_own: bool = False) -> tuple[Space, list[str]]:
        """What varies, and notes on what was left out of `space:`, for the person.

        The command line adds to the `space:` of the configuration and takes precedence: a swept
        key replaces that entry, and a fixed one removes it.

        Args:
            with_own: add to each list the value that the configuration has without a sweep.

        Raises:
            ConfigError: values or keys that make no sense; see `sweeps.space`.
        """
        given = {override.key_or_group for override in (*self._swept, *self._fixed)}
        written = OmegaConf.to_container(self._master.space) if self._master.space else {}
        assert isinstance(written, dict)
        for key in written:
            if str(key) not in given:
                _refuse_sweep_key(str(key))
        kept = {str(key): value for key, value in written.items() if str(key) not in given}
        for override in self._swept:
            _refuse_sweep_key(override.key_or_group)
        for key, times in Counter(o.key_or_group for o in self._swept).items():
            if times > 1:
                raise ConfigError(f"{key} is swept {times} times: give all of its values at once")
        swept = [*parse_yaml(kept, self._parser), *self._swept]
        space = parse(swept, self.options)
        absent = [
            p.key for p in space.parameters if not p.group and not self._anywhere(space, p.key)
        ]
        dropped = [key for key in absent if key in kept and self._elsewhere(key)]
        for key in absent:
            if key not in dropped:
                raise ConfigError(unknown("key", f"space: {key}", key, self.keys(space)))
        space = Space(tuple(p for p in space.parameters if p.key not in dropped))
        if with_own:
            own = self.as_is(space, {})
            space = space.including({key: own[key] for key in own if key != SEED})
        space = space.conditional(self._exists)
        notes = [f"{key} is not swept: {self._owner(key)} has no such key" for key in dropped]
        space, more = self._conditioned(space, written, dropped)
        self._check_values(space)
        for choices in islice(space.variants(), _COMPOSED_AHEAD):
            self._variant(choices)
        return space, notes + more

    def examples(self, space: Space) -> Iterator[dict[str, Any]]:
        """Swept values that show what there is: none, then each key's alone (or its ends).

        With each come the choices of groups under which its key exists.
        """
        yield {}
        for parameter in space.parameters:
            for value in parameter.dimension.examples():
                yield {**_choices(parameter), parameter.key: value}

    def keys(self, space: Space) -> list[str]:
        """Every key that some configuration has, groups included."""
        variants = [self._variant(choices) for choices in _single(space)]
        return sorted({str(k) for v in variants for k in (*dotted(v), *v)})

    def knows(self, space: Space, key: str) -> bool:
        """Whether a key is in some configuration, or would be had its group not been fixed."""
        return self._anywhere(space, key) or self._elsewhere(key)

    def as_is(self, space: Space, given: Mapping[str, Any]) -> dict[str, Any]:
        """Swept key -> the value it has without a sweep, but for those that are given."""
        groups: dict[str, str] = {}
        values: dict[str, Any] = {}
        for parameter in space.parameters:
            key = parameter.key
            if not parameter.applies(values):
                continue
            if parameter.group:
                values[key] = groups[key] = str(given.get(key, self.choice(key)))
            elif exists(config := self._variant(groups), key):
                own = plain_value(OmegaConf.select(config, key))
                values[key] = given.get(key, own)
        return values

    def everywhere(self, space: Space, key: str) -> bool:
        """Whether every choice of the swept groups has a key, or it is a group itself."""
        return bool(self.options(key)) or all(self._exists(c, key) for c in _single(space))

    def unswept(self, params: Mapping[str, Any], key: str) -> Any:
        """The choice of a group or the value of a key that is not swept, beside these params.

        Raises:
            KeyError: there is no such key with them.
        """
        if self.options(key):
            return self.choice(key)
        config = self._variant({k: str(v) for k, v in params.items() if self.options(k)})
        if not exists(config, key):
            raise KeyError(key)
        return plain_value(OmegaConf.select(config, key))

    def _copy(self, choices: Mapping[str, str]) -> DictConfig:
        """A variant to be changed. Pickled, it is copied in a fifth of the time."""
        key = tuple(sorted(choices.items()))
        if key not in self._pickled:
            self._pickled[key] = pickle.dumps(self._variant(choices))
        config = pickle.loads(self._pickled[key])
        assert isinstance(config, DictConfig)
        return config

    def _variant(self, choices: Mapping[str, str]) -> DictConfig:
        key = tuple(sorted(choices.items()))
        if key not in self._variants:
            overrides = [*self.fixed, *(f"{group}={choice}" for group, choice in key)]
            try:
                config = self._loader.load_sweep_config(self._master, overrides)
            except (HydraException, OmegaConfBaseException) as error:
                raise ConfigError(explain(error, " ".join(overrides))) from error
            with open_dict(config):
                del config["hydra"]
            for settled, value in self._settled.items():
                OmegaConf.update(config, settled, value)
            self._variants[key] = config
        return self._variants[key]

    def _conditioned(
        self, space: Space, written: Mapping[Any, Any], absent: Sequence[str]
    ) -> tuple[Space, list[str]]:
        """The space under the conditions of `when:`."""
        when = OmegaConf.to_container(self._master.when) if self._master.when else {}
        assert isinstance(when, dict)
        fixed = {
            key: self.choice(key)
            if self.options(key)
            else plain_value(OmegaConf.select(self.base, key))
            for key in map(str, written)
            if key not in space.keys and key not in absent
        }
        texts = {str(key): str(text) for key, text in when.items()}
        return conditioned(space, texts, fixed, absent, lambda key: self._exists({}, key))

    def _exists(self, choices: Mapping[str, str], key: str) -> bool:
        return exists(self._variant(choices), key)

    def _anywhere(self, space: Space, key: str) -> bool:
        return any(self._exists(choices, key) for choices in _single(space))

    def _elsewhere(self, key: str) -> bool:
        """Whether another choice of the key's group, fixed on the command line, would have it."""
        group = key.split(".")[0]
        fixed = {override.key_or_group for override in self._fixed}
        return group in fixed and any(
            self._exists({group: choice}, key) for choice in self.options(group)
        )

    def _owner(self, key: str) -> str:
        group = key.split(".")[0]
        return next(str(o.input_line) for o in self._fixed if o.key_or_group == group)

    def _check_values(self, space: Space) -> None:
        """Set each value, or the ends of its interval, once: in types and ranges it must fit."""
        first = {group.key: str(next(group.dimension.enumerate())) for group in space.groups}
        for parameter in space.parameters:
            choices = first | _choices(parameter)
            for value in parameter.dimension.examples():
                params = {**choices, parameter.key: value}
                if not parameter.group:
                    self._check_whole(parameter, choices)
                    check_types({parameter.key: value}, self._variant(choices))
                typed(self.trial(params))

    def _check_whole(self, parameter: Parameter, choices: Mapping[str, str]) -> None:
        dimension = parameter.dimension
        if not isinstance(dimension, Interval) or dimension.integer:
            return
        if isinstance(OmegaConf.select(self._variant(choices), parameter.key), int):
            raise ConfigError(
                f"{parameter.key} is an integer, and {dimension} is an interval of all numbers: "
                f"write {parameter.key}=int(interval(low,high))"
            )


@contextlib.contextmanager
def _aside() -> Iterator[None]:
    """Hydra knows one composition at a time: within, there is none, and then that of before."""
    hydra = GlobalHydra.instance()
    before, hydra.hydra = hydra.hydra, None
    try:
        yield
    finally:
        hydra.hydra = before


@contextlib.contextmanager
def compose(overrides: Sequence[str]) -> Iterator[Composition]:
    """The composition of a command line, without Hydra's own command; usable within `with`.

    There may be another one around it.

    Raises:
        ConfigError: overrides that Hydra refuses.
    """
    overrides = [_OLD_HISTOGRAMS.sub("histograms=", word) for word in overrides]
    register()
    with _aside(), initialize_config_module("conf", version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        assert isinstance(loader, ConfigLoader)
        try:
            parsed = OverridesParser.create(config_loader=loader).parse_overrides(list(overrides))
            fixed = [str(o.input_line) for o in parsed if not o.is_sweep_override()]
            master = hydra_compose("sweep", fixed, return_hydra_config=True)
        except (HydraException, OmegaConfBaseException) as error:
            raise ConfigError(explain(error)) from error
        yield Composition(loader, master, overrides)


def plain(config: DictConfig) -> dict[str, Any]:
    """A configuration as resolved, plain containers."""
    container = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def plain_value(value: Any) -> Any:
    """A value of a configuration, resolved, without OmegaConf's and our own types."""
    if OmegaConf.is_config(value):
        return OmegaConf.to_container(value, resolve=True, enum_to_str=True)
    return value.name if isinstance(value, Enum) else value


def exists(config: DictConfig, key: str) -> bool:
    """Whether a dotted key is in the configuration, be its value null; `betas.0` is of a list."""
    node: Any = config
    for part in key.split("."):
        if OmegaConf.is_list(node) and part.isdigit() and int(part) < len(node):
            node = node._get_node(int(part))
        elif OmegaConf.is_dict(node) and part in node:
            node = node._get_node(part)
        else:
            return False
    return True


def value_at(config: Any, key: str) -> Any:
    """The value under a dotted key of plain containers; `betas.0` is of a list.

    Raises:
        KeyError: there is none.
    """
    for part in key.split("."):
        if isinstance(config, list) and part.isdigit() and int(part) < len(config):
            config = config[int(part)]
        elif isinstance(config, Mapping) and part in config:
            config = config[part]
        else:
            raise KeyError(key)
    return config


def dotted(config: DictConfig) -> Iterator[str]:
    """Every key of a configuration that holds a value, in dotted form."""
    yield from _dotted(OmegaConf.to_container(config, resolve=False), "")


def _dotted(node: Any, prefix: str) -> Iterator[str]:
    for key, value in node.items():
        if isinstance(value, dict) and value:
            yield from _dotted(value, f"{prefix}{key}.")
        elif not str(key).startswith("_"):
            yield f"{prefix}{key}"


def _choices(parameter: Parameter) -> dict[str, str]:
    """Choices of groups under which a key exists."""
    return {group: min(allowed - {AS_CONFIGURED}) for group, allowed in parameter.when}


def _single(space: Space) -> Iterator[dict[str, str]]:
    """The configuration as it is, then each choice of each swept group alone."""
    yield {}
    for group in space.groups:
        for choice in group.dimension.enumerate():
            yield {group.key: choice}


def _refuse_sweep_key(key: str) -> None:
    if key.split(".")[0] in SWEEP_KEYS:
        raise ConfigError(
            f"{key} is the same for all trials of a sweep and cannot be swept: "
            f"give one value, {key}=…"
        )
