"""Find what varies in a sweep from `space:` and the command line, and check it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from itertools import islice
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from sweeps.config.choice_values import appends, having, in_group, takes, taking
from sweeps.config.composition import Composition
from sweeps.config.error_messages import of_space
from sweeps.config.keys import exists, plain_value
from sweeps.config.overrides import key_of
from sweeps.config.schema import Kind, is_of
from sweeps.config.unasked_groups import only_asked
from sweeps.space.dimensions import Interval
from sweeps.space.grammar import parse, parse_yaml
from sweeps.space.space import Parameter, Space
from sweeps.space.when import conditioned
from sweeps.trials import SEED
from trainers.config import typed
from trainers.config.targets import check_types
from trainers.errors import ConfigError
from trainers.nearest_names import unknown

#: Combinations of choices that are composed before the first trial (50 ms each), not when a slot
#: waits for them.
_COMPOSED_AHEAD = 48


def swept_space(composition: Composition, with_own: bool = False) -> tuple[Space, list[str]]:
    """Find what varies, and write a line about each entry of `space:` that is left out.

    The command line adds to the `space:` of the configuration and takes precedence: a swept
    key replaces that entry, and a fixed one removes it.

    Args:
        with_own: add to the choices of each key the value that it has without a sweep.

    Raises:
        ConfigError: an unknown key, or values that the key cannot have; see `sweeps.space`.
    """
    written = composition.section("space")
    kept = _kept(composition, written)
    space = parse(
        [*parse_yaml(kept, composition.parser), *composition.swept_overrides], composition.options
    )
    if with_own:
        space = space.including(
            {group.key: composition.choice(group.key) for group in space.groups}
        )
    space, dropped = _existing(composition, space, kept)
    space, passed_over = only_asked(composition, space)
    if with_own:
        own = composition.as_is(space, {})
        space = space.including({key: own[key] for key in own if key != SEED})
    _refuse_lost(composition, space)
    space = space.conditional(composition.exists)
    messages = [f"{key} is not swept: {composition.owner(key)} has no such key" for key in dropped]
    space, more = _conditioned(composition, space, written, dropped)
    _check_values(composition, space)
    for choices in islice(space.variants(), _COMPOSED_AHEAD):
        composition.variant(choices)
    return space, messages + passed_over + more


def _kept(composition: Composition, written: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries of `space:` that the command line does not replace or remove."""
    overrides = (*composition.swept_overrides, *composition.fixed_overrides)
    given = {override.key_or_group for override in overrides}
    kept = {key: value for key, value in written.items() if key not in given}
    swept = [override.key_or_group for override in composition.swept_overrides]
    below = [o.key_or_group for o in composition.fixed_overrides if not o.is_delete()]
    varying = kept.keys() - {key for key, value in kept.items() if isinstance(value, Mapping)}
    for key in below:
        entry = key.removeprefix("space.")
        if entry != key and ("." in entry or entry not in varying):
            raise ConfigError(of_space(key))
    for key in (*kept, *swept):
        if key.startswith("space."):
            raise ConfigError(of_space(key))
        if is_of(Kind.OF_SWEEP, key):
            raise ConfigError(
                f"{key} is the same for all trials of a sweep and cannot be swept: "
                f"give one value, {key}=…"
            )
    for key, times in Counter(swept).items():
        if times > 1:
            raise ConfigError(f"{key} is swept {times} times: give all of its values at once")
    return kept


def _existing(
    composition: Composition, space: Space, kept: Collection[str]
) -> tuple[Space, list[str]]:
    """Drop the keys of `space:` that a fixed group does not have; refuse unknown keys."""
    absent = [
        p.key for p in space.parameters if not p.group and not composition.anywhere(space, p.key)
    ]
    dropped = [key for key in absent if key in kept and composition.elsewhere(key)]
    for key in absent:
        if key not in dropped:
            swept = [o for o in composition.swept_overrides if o.key_or_group == key]
            known = unknown("key", f"space: {key}", key, composition.keys(space))
            raise ConfigError((_lacking(composition, space, swept[0]) if swept else "") or known)
    return Space(tuple(p for p in space.parameters if p.key not in dropped)), dropped


def refuse_unapplied(composition: Composition) -> None:
    """Refuse values of keys that the choices of a single training do not have.

    Raises:
        ConfigError: names the first such key and the nearest one that exists.
    """
    _refuse_untaken(composition)
    for word in composition.unmet({}):
        known = composition.keys(Space(()))
        raise ConfigError(unknown("key", key_of(word), key_of(word), known))


def _refuse_lost(composition: Composition, space: Space) -> None:
    """Refuse a value of a key that no choice of its group has, or takes if it is appended."""
    _refuse_untaken(composition)
    for override in composition.lost(space):
        key, word = override.key_or_group, str(override.input_line)
        known = unknown("key", word, key, composition.keys(space))
        raise ConfigError(_lacking(composition, space, override) or known)


def _refuse_untaken(composition: Composition) -> None:
    """Refuse a fixed key that is appended to a choice which does not take it, as others would.

    What no choice takes is explained by what is built: it may be meant for something else.
    """
    for override in composition.fixed_overrides:
        key = override.key_or_group
        if appends(override) and in_group(str(override.input_line)):
            base = composition.base
            lacks = exists(base, key) and not takes(base, key)
            if lacks and taking(composition.alternatives(key), key):
                raise ConfigError(_lacking(composition, Space(()), override))


def _lacking(composition: Composition, space: Space, override: Override) -> str:
    """Write that no choice of a key's group has or takes it, and which would; empty if none."""
    key, word = override.key_or_group, str(override.input_line)
    group, _, name = key.partition(".")
    made = next((str(p.dimension) for p in space.groups if p.key == group), "")
    alternatives = composition.alternatives(key)
    if appends(override):
        others = taking(alternatives, key)
        if made:
            return f"{word}: none of {group}={made} takes {name}{others or ': leave it out'}"
        if others:
            return f"{word}: {group}={composition.choice(group)} takes no {name}{others}"
    others = having(alternatives, key)
    if made and others:
        return f"{key}: none of {group}={made} has such a key{others}"
    return f"{key}: {group}={composition.choice(group)} has no such key{others}" if others else ""


def _conditioned(
    composition: Composition, space: Space, written: Mapping[str, Any], absent: Collection[str]
) -> tuple[Space, list[str]]:
    """Apply the conditions of `when:` to the space."""
    fixed = {
        key: composition.choice(key)
        if composition.options(key)
        else plain_value(OmegaConf.select(composition.having(space, key), key))
        for key in written
        if key not in space.keys and key not in absent
    }
    under = {key: space.under(key, composition.exists) for key in fixed}
    texts = {key: str(text) for key, text in composition.section("when").items()}
    return conditioned(
        space, texts, fixed, under, list(absent), lambda key: composition.exists({}, key)
    )


def _check_values(composition: Composition, space: Space) -> None:
    """Set each value, or the ends of each interval, once: types and ranges must fit."""
    first = {group.key: str(next(group.dimension.enumerate())) for group in space.groups}
    for parameter in space.parameters:
        choices = first | parameter.choices
        for value in parameter.dimension.examples():
            params = {**choices, parameter.key: value}
            if not parameter.group:
                _check_whole(composition, parameter, choices)
                check_types({parameter.key: value}, composition.variant(choices))
            typed(composition.trial(params))


def _check_whole(
    composition: Composition, parameter: Parameter, choices: Mapping[str, str]
) -> None:
    """Refuse an interval of real numbers for a key that is an integer."""
    dimension = parameter.dimension
    if not isinstance(dimension, Interval) or dimension.integer:
        return
    if isinstance(OmegaConf.select(composition.variant(choices), parameter.key), int):
        raise ConfigError(
            f"{parameter.key} is an integer, and {dimension} is an interval of real numbers: "
            f"write {parameter.key}=int(interval(low,high))"
        )
