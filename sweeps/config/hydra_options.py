"""Read Hydra's options among the overrides of a command line: --cfg job, --info, --help.

Hydra takes them before the overrides or after, not between, and answers a wrong one with its usage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from trainers.errors import ConfigError
from trainers.nearest_names import nearest, unknown

_SHORT = {
    "-c": "--cfg",
    "-cd": "--config-dir",
    "-cn": "--config-name",
    "-cp": "--config-path",
    "-h": "--help",
    "-i": "--info",
    "-m": "--multirun",
    "-p": "--package",
    "-r": "--run",
    "-sc": "--shell-completion",
}
#: Options at which Hydra prints something and runs nothing.
_ASKING = ("--cfg", "--help", "--hydra-help", "--info", "--version")
#: The values of an option; empty: it takes any.
_VALUES: dict[str, tuple[str, ...]] = {
    "--cfg": ("job", "hydra", "all"),
    "--info": ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
    "--package": (),
    "--config-dir": (),
}
_ALONE = ("--help", "--hydra-help", "--version", "--resolve", "--multirun")
_REFUSED = {
    "--config-name": "the configuration is conf/sweep.yaml: leave it out, and name an experiment=…",
    "--config-path": "the configuration is conf/: leave it out, or add a folder with --config-dir",
    "--experimental-rerun": "leave it out: a sweep goes on with make resume SWEEP=…",
    "--run": "leave it out: make train trains one model, and make sweep several",
    "--shell-completion": "Hydra completes scripts, not python -m: --help lists the groups",
}
_OPTIONS = (*_ALONE, *_VALUES, *_REFUSED)


@dataclass(frozen=True)
class HydraOptions:
    """Hold the options of a command line, in their long form.

    Attributes:
        given: option -> its value, or "" if it takes none.
        overrides: the other words.
    """

    given: dict[str, str] = field(default_factory=dict)
    overrides: list[str] = field(default_factory=list)

    @property
    def asks(self) -> bool:
        """Whether Hydra only prints something."""
        return any(option in self.given for option in _ASKING)

    @property
    def words(self) -> list[str]:
        """Write the options as Hydra takes them, but for --multirun."""
        return [
            f"{option}={value}" if value else option
            for option, value in self.given.items()
            if option != "--multirun"
        ]


def read_options(words: Iterable[str]) -> HydraOptions:
    """Split a command line into options and overrides.

    Raises:
        ConfigError: an unknown option or value of one, or an option that has no place here.
    """
    options, waiting = HydraOptions(), list(words)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("-"):
            options.overrides.append(word)
            continue
        name, equals, value = word.partition("=")
        name = _SHORT.get(name, name)
        if name in _REFUSED:
            raise ConfigError(f"{word}: {_REFUSED[name]}")
        if name not in _OPTIONS:
            raise ConfigError(_unknown(word, name.lstrip("-"), bool(equals)))
        if name in _ALONE and equals:
            raise ConfigError(f"{word}: this option takes no value: {name}")
        options.given[name] = value or _value(name, waiting)
        _check_value(name, options.given[name])
    _check_together(options.given)
    return options


def _value(option: str, following: list[str]) -> str:
    """Take the value of an option off the words that follow it; "" if it has none."""
    default = "all" if option == "--info" else ""
    if option in _ALONE or not following or following[0].startswith("-") or "=" in following[0]:
        return default
    return following.pop(0)


def _unknown(word: str, name: str, has_value: bool) -> str:
    names = [option.lstrip("-") for option in _OPTIONS]
    near = nearest(name, names)
    if near is None and has_value:
        return f"{word}: overrides have no dashes: {word.lstrip('-')}"
    hint = f"did you mean --{near}?" if near else f"options are {', '.join(_OPTIONS)}"
    return f"{word}: there is no such option; {hint}"


def _check_value(option: str, value: str) -> None:
    allowed = _VALUES.get(option, ())
    if value and allowed and value not in allowed:
        raise ConfigError(unknown("choice", f"{option}={value}", value, allowed))
    if not value and option in _VALUES:
        example = allowed[0] if allowed else "…"
        raise ConfigError(f"{option} needs a value: {option}={example}")


def _check_together(given: Mapping[str, str]) -> None:
    for option in ("--package", "--resolve"):
        if option in given and "--cfg" not in given:
            raise ConfigError(f"{option} says how --cfg prints: add --cfg=job, or leave it out")
    if "--cfg" in given and "--info" in given:
        raise ConfigError("--cfg and --info: give one of them at a time")
