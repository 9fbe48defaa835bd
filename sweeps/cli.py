"""How every command begins and ends: Hydra composes, errors become a line or two, exit code 2."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import hydra
from hydra import compose, initialize_config_module
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from sweeps import ROOT
from sweeps.config.error_messages import explain
from sweeps.config.keys import dotted
from sweeps.config.overrides import key_of, split, value_of
from sweeps.config.schema import register
from sweeps.nearest_names import unknown
from sweeps.redaction import hide_password
from trainers.errors import ConfigError

#: Exit code after Ctrl-C, as shells have it.
INTERRUPTED = 130

_PLUGINS = ROOT / "sweeps" / "plugin"


def composed(multirun: bool) -> list[DictConfig]:
    """Let Hydra compose conf/sweep.yaml from the command line.

    Args:
        multirun: hand the configuration to the sweeper instead, swept values and all.

    Returns:
        The configuration, if there is no sweeper to take it.
    """
    hide_password()
    use_plugins()
    # Otherwise Hydra prints its own error, over many lines, and exits with 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    register()
    # Told on the command line: where Hydra cannot compose, it does not know of the config's mode.
    sys.argv[1:1] = ["--multirun"] if multirun else ["hydra.mode=RUN", "hydra.run.dir=."]
    found: list[DictConfig] = []

    @hydra.main(version_base="1.3", config_path="pkg://conf", config_name="sweep")
    def task(config: DictConfig) -> None:
        found.append(config)

    with refusals():
        task()
    return found  # to be used outside of Hydra, which comments on every exception


def one_sweep(command: str, options: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The name of a sweep and the options beside it, of a command line that takes just these.

    Args:
        command: an example of it, such as "make predict SWEEP=quickstart".

    Raises:
        ConfigError: not one name, or an option that there is not.
    """
    names, words = split(sys.argv[1:])
    if len(names) != 1:
        raise ConfigError(f"name one sweep: {command}")
    for word in words:
        if key_of(word) not in options:
            raise ConfigError(unknown("option", word, key_of(word), list(options)))
    return names[0], {key_of(word): value_of(word) for word in words}


@contextmanager
def signals(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Within, Ctrl-C and SIGTERM go to this handler."""
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def use_plugins() -> None:
    """Let Hydra find our sweeper, which must live in a namespace of Hydra's."""
    if str(_PLUGINS) not in sys.path:
        sys.path.insert(0, str(_PLUGINS))


class refusals:  # noqa: N801  reads as a statement: `with refusals():`
    """Ends the program with exit code 2 and a short message when a configuration is refused."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Turn an expected error into its message; let everything else through."""
        if isinstance(error, KeyboardInterrupt):
            sys.stderr.write("interrupted\n")
            raise SystemExit(INTERRUPTED) from None
        message = _message(error) if error is not None else None
        if message is not None:
            sys.stderr.write(f"error: {message}\n")
            sys.stderr.flush()
            raise SystemExit(2) from None


def _message(error: BaseException) -> str | None:
    if isinstance(error, ConfigError):
        return str(error)
    cause = error.__cause__
    if isinstance(cause, ConfigError):
        return str(cause)
    if isinstance(error, HydraException | OmegaConfBaseException):
        return explain(error, keys=_safely(_known_keys))
    return None


def _safely(keys: Callable[[], list[str]]) -> list[str]:
    try:
        return keys()
    except Exception:  # the hint is a courtesy; the error itself must come out
        return []


def _known_keys() -> list[str]:
    """Every key and group that an override could have meant, under the groups that were chosen."""
    GlobalHydra.instance().clear()
    with initialize_config_module("conf", version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        assert isinstance(loader, ConfigLoader)
        groups = loader.list_groups("")
        chosen = [w for w in sys.argv[1:] if key_of(w) in groups and "," not in w]
        try:
            config = compose("sweep", chosen)
        except HydraException:
            config = compose("sweep", [])
        keys = [*dotted(config), *groups]
        parents = {key.rpartition(".")[0] for key in keys} - {""}
        return sorted({*keys, *parents} - {"hydra"})


#: Exit code of a sweep that failed.
FAILED = 1
