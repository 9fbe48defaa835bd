"""Find, check and build what an open group describes: a `_target_` and its arguments.

No schema knows the keys of such a group. They are checked before anything is trained.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from functools import lru_cache, partial
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf, UnionNode
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from trainers.config.hydra_grammar import written
from trainers.errors import ConfigError, first_line
from trainers.nearest_names import nearest, nearest_or_all

#: Keys beside a `_target_` that are Hydra's own.
_HYDRAS = ("_target_", "_partial_", "_recursive_", "_convert_", "_args_")

_NAMES = {bool: "true or false", int: "an integer", float: "a number", str: "text"}


def check_types(values: Mapping[str, object], reference: DictConfig) -> None:
    """Check that each value has the type of the value that the configuration gives its key.

    An integer may stand for a float, nothing else for anything; where the configuration says
    null, anything goes. A choice of a whole group (`optimizer: sgd`) is Hydra's to check.

    Args:
        values: dotted key -> value, such as {"optimizer.lr": 0.1}.
        reference: a composed configuration of the choices that the values belong to.

    Raises:
        ConfigError: a key that the reference lacks, or a value of another type.
    """
    for key, value in values.items():
        given = _lookup(reference, key)
        expected = type(given)
        if given is None or type(value) is expected:
            continue
        if isinstance(given, Enum) or _is_union(reference, key):
            continue  # it has a schema, which looks after it
        if isinstance(given, dict) and isinstance(value, str):
            continue
        if expected is float and type(value) is int:
            continue
        wanted = _NAMES.get(expected, f"a {expected.__name__}")
        raise ConfigError(
            f"{key} must be {wanted} (as in {key}={written(given)}), not {written(value)}"
        )


def check_arguments(group: str, node: Mapping[str, Any], supplied: Iterable[str] = ()) -> None:
    """Check that the `_target_` of a group exists and takes every key and value beside it.

    Args:
        group: name of the group, for the message.
        node: configuration of the group.
        supplied: arguments that the code passes, which the group may not name.

    Raises:
        ConfigError: an unknown target, a key it does not take (names the nearest it does), or a
            value that is not the plain type it asks for.
    """
    target = locate(group, node)
    parameters = _parameters(target)
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters)
    names = [p.name for p in parameters if p.kind is not p.POSITIONAL_ONLY]
    names = [name for name in names if name not in set(supplied)]
    hints = {p.name: p.annotation for p in parameters}
    for key, value in node.items():
        if key.startswith("_"):
            continue
        if key not in names and not open_ended:
            raise ConfigError(
                f"{group}.{key}: {node['_target_']} has no argument {key!r}; "
                f"{nearest_or_all(key, names)}"
            )
        wanted = hints.get(key)
        if (
            isinstance(wanted, type)
            and wanted in _NAMES
            and type(value) is not wanted
            and (wanted, type(value)) != (float, int)
        ):
            raise ConfigError(f"{group}.{key} must be {_NAMES[wanted]}, not {written(value)}")
        _check_within(f"{group}.{key}", value)


def _check_within(group: str, value: object) -> None:
    """Check what is to be built below a key, such as the rules in a list of rules."""
    if isinstance(value, Mapping):
        if "_target_" in value:
            check_arguments(group, value)
        else:
            for key, inner in value.items():
                _check_within(f"{group}.{key}", inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _check_within(f"{group}[{number}]", inner)


def locate(group: str, node: Mapping[str, Any]) -> Callable[..., Any]:
    """Find the class or function that the `_target_` of a group names.

    Raises:
        ConfigError: there is no `_target_`, or nothing callable where it points.
    """
    path = node.get("_target_")
    if not isinstance(path, str):
        raise ConfigError(f"{group} has no _target_: name what to build, as in conf/{group}/*.yaml")
    try:
        target = pkgutil.resolve_name(path)
    except AttributeError as error:
        public = [name for name in dir(error.obj) if not name.startswith("_")]
        near = nearest(str(error.name), public)
        hint = f"; did you mean {near!r}?" if near is not None else ""
        raise ConfigError(f"{group}._target_={path} does not exist{hint}") from error
    except Exception as error:  # importing a user's module may raise anything
        raise ConfigError(
            f"{group}._target_={path} cannot be imported: {first_line(error)}"
        ) from error
    if not callable(target):
        raise ConfigError(f"{group}._target_={path} must be a class or a function, not {target!r}")
    result: Callable[..., Any] = target
    return result


def takes(target: Callable[..., Any], argument: str) -> bool:
    """Return whether a target has an argument of this name."""
    return any(parameter.name == argument for parameter in _parameters(target))


def parameter(target: Callable[..., Any], argument: str) -> inspect.Parameter | None:
    """Return the parameter that takes an argument of this name; None if the target does not."""
    for each in _parameters(target):
        if each.name == argument or each.kind is each.VAR_KEYWORD:
            return each
    return None


def asked(target: Callable[..., Any], names: Iterable[str]) -> tuple[str, ...]:
    """List those of the arguments that a target asks for: by name, or all of them by **keywords.

    What a partial has bound is not asked for.
    """
    parameters = _parameters(target)
    bound = getattr(target, "keywords", {}) if isinstance(target, partial) else {}
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    own = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    return tuple(name for name in names if name not in bound and (takes_any or name in own))


def unfilled(target: Callable[..., Any], node: Mapping[str, Any]) -> tuple[str, ...]:
    """List the arguments that a target must be given, and a group does not give.

    Of a built-in that does not say what it takes it is one, named after none.
    """
    try:
        inspect.signature(target)
    except ValueError:
        return ("",)
    fixed = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return tuple(
        p.name
        for p in _parameters(target)
        if p.default is p.empty and p.kind not in fixed and p.name not in node
    )


def instantiate(group: str, node: Mapping[str, Any], **supplied: object) -> Any:
    """Build what a group's `_target_` names, from its keys and what the code supplies.

    With `_partial_: true` in the group it is a callable that still takes arguments.

    Raises:
        ConfigError: an unknown target or key, or whatever the target refuses.
    """
    check_arguments(group, node, supplied)
    with settings_refused(group, node):
        made = _partial(group, node, supplied)
        return made if node.get("_partial_") else made()


def _partial(group: str, node: Mapping[str, Any], supplied: Mapping[str, object]) -> partial[Any]:
    """Do what `hydra.utils.instantiate` does for plain containers, in a tenth of its time.

    Hydra makes them configurations, merges and copies these, and examines every call anew.
    """
    within = node.get("_recursive_", True)
    settings = {
        key: _made(f"{group}.{key}", value) if within else value
        for key, value in node.items()
        if key not in _HYDRAS
    }
    arguments = _made(f"{group}._args_", node.get("_args_", []))
    return partial(locate(group, node), *arguments, **{**settings, **supplied})


def _made(group: str, value: Any) -> Any:
    """Build what is to be built in a value, from the inside out; lists and dictionaries are new."""
    if isinstance(value, Mapping):
        if "_target_" not in value:
            return {key: _made(f"{group}.{key}", inner) for key, inner in value.items()}
        with settings_refused(group, value):
            made = _partial(group, value, {})
            return made if value.get("_partial_") else made()
    if isinstance(value, list):
        return [_made(f"{group}[{number}]", inner) for number, inner in enumerate(value)]
    return value


def make(
    group: str, node: Mapping[str, Any], kind: type[Any], *arguments: object, **supplied: object
) -> Any:
    """Build what a group describes from arguments that only the code has, and check its kind.

    Args:
        kind: class that the result must have.
        arguments: first arguments of the target, by position.
        supplied: further arguments, by name.

    Raises:
        ConfigError: as `instantiate`, or the result is of another kind.
    """
    target = instantiate(group, {**node, "_partial_": True}, **supplied)
    with settings_refused(group, node):
        made = target(*arguments)
    if not isinstance(made, kind):
        raise ConfigError(
            f"{group}._target_ must make a {kind.__name__}, and {node['_target_']} made "
            f"{type(made).__name__}"
        )
    return made


@contextmanager
def settings_refused(group: str, node: Mapping[str, Any]) -> Iterator[None]:
    """Turn what a target raises within into a ConfigError of one line that names the target."""
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:  # whatever a third party's constructor raises
        raise ConfigError(
            f"{group}: {node['_target_']} refuses its settings: {first_line(error)}"
        ) from error


def explain(error: BaseException) -> str:
    """Explain an error of Hydra or OmegaConf in one line; they spread it over two errors."""
    inner = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    line = first_line(inner)
    if isinstance(inner, ConfigKeyError | ConfigAttributeError) and inner.key is not None:
        parent = inner.parent_node
        names = [str(name) for name in parent] if isinstance(parent, DictConfig) else []
        key = inner.full_key or inner.key
        return f"{key}: the configuration has no such key; {nearest_or_all(str(inner.key), names)}"
    if isinstance(inner, OmegaConfBaseException) and inner.full_key:
        return f"{inner.full_key}: {line}"
    return line


def _parameters(target: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the parameters of a target; anything by name, if it does not say."""
    try:
        return _known_parameters(target)
    except TypeError:  # an object that can be called, and not be hashed
        return _known_parameters.__wrapped__(target)


@lru_cache(maxsize=256)
def _known_parameters(target: Callable[..., Any]) -> list[inspect.Parameter]:
    for evaluate in (True, False):  # annotations are text in some modules, and may not resolve
        try:
            return list(inspect.signature(target, eval_str=evaluate).parameters.values())
        except (NameError, AttributeError, TypeError):
            continue
        except ValueError:  # a built-in that does not say
            break
    return [inspect.Parameter("anything", inspect.Parameter.VAR_KEYWORD)]


def _is_union(reference: DictConfig, key: str) -> bool:
    """Whether values of several types may stand at a dotted key."""
    above, _, name = key.rpartition(".")
    parent = OmegaConf.select(reference, above) if above else reference
    return isinstance(parent, DictConfig) and isinstance(parent._get_node(name), UnionNode)


def _lookup(reference: DictConfig, key: str) -> object:
    """Look up the plain value at a dotted key."""
    node: object = reference
    for part in key.split("."):
        if isinstance(node, ListConfig) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
            continue
        if not isinstance(node, DictConfig) or part not in node:
            names = [str(name) for name in node] if isinstance(node, DictConfig) else []
            raise ConfigError(
                f"{key}: the configuration has no such key; {nearest_or_all(part, names)}"
            )
        node = node[part]
    if OmegaConf.is_config(node):
        return OmegaConf.to_container(node, resolve=True)
    return node
