"""Begin and end every command: compose with Hydra, report a refusal in one or two lines."""

from __future__ import annotations

import io
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from threading import Timer
from types import FrameType

import hydra
from hydra import initialize_config_module
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sweeps import ROOT
from sweeps.config.choice_values import in_group, without_sweeps
from sweeps.config.error_messages import explain
from sweeps.config.hydra_options import read_options
from sweeps.config.overrides import key_of, literal, readable, refuse_below_null, split, value_of
from sweeps.config.schema import register
from sweeps.config.unknown_keys import known_keys
from sweeps.redaction import hide_password, redacted_text
from trainers.config.hydra_grammar import written
from trainers.errors import ConfigError
from trainers.nearest_names import unknown

#: Exit code of a sweep that failed.
FAILED = 1
#: Seconds of silence before a line says what is being done.
QUIET_S = 2.0
#: Exit code after Ctrl-C, as shells have it.
INTERRUPTED = 130

#: Variables with folders that are used.
_FOLDERS = ("HOME", "TMPDIR", "DATA_ROOT")

_PLUGINS = ROOT / "sweeps" / "plugin"


def composed(task: str | None) -> list[DictConfig]:
    """Let Hydra compose conf/sweep.yaml from the command line.

    Args:
        task: the function of `sweeps.commands.sweep` to which the sweeper hands the configuration
            and the swept values; None: no value is swept.

    Returns:
        The configuration; empty with a task, which has taken it.
    """
    hide_password()
    use_plugins()
    # Otherwise Hydra prints its own error, over many lines, and exits with 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    register()
    with refusals():
        sys.argv[1:] = _for_hydra(sys.argv[1:], task)
    configs: list[DictConfig] = []

    @hydra.main(version_base="1.3", config_path="pkg://conf", config_name="sweep")
    def keep(config: DictConfig) -> None:
        configs.append(config)

    with refusals():
        keep()
    return configs  # to be used outside of Hydra, which comments on every exception


def _for_hydra(words: Sequence[str], task: str | None) -> list[str]:
    """Write a command line as Hydra takes it, its options and the mode in front.

    The mode is for the command line: where Hydra cannot compose, it does not know that of conf/.
    """
    options = read_options(words)
    refuse_below_null(options.overrides)
    given = literal(options.overrides)
    for word in given:
        if key_of(word).startswith("hydra.sweeper"):
            raise ConfigError(f"{word}: the command sets this itself: take it out")
    if "--version" in options.given:
        sys.stdout.write(_versions())
        raise SystemExit(0)
    if "--hydra-help" in options.given:
        return ["--hydra-help"]  # it knows no configuration
    if options.asks:
        return [*options.words, *(given if task is None else without_sweeps(given))]
    if task is None:
        if "--multirun" in options.given:
            raise ConfigError("--multirun: one training has one value of each key: leave it out")
        return [*options.words, "hydra.mode=RUN", "hydra.run.dir=.", *given]
    of_choices = [word for word in given if in_group(word) and readable(word)]
    others = [word for word in given if word not in of_choices]
    mode = ["--multirun", f"hydra.sweeper.task={task}"]
    mode.append(f"hydra.sweeper.of_choices={written(of_choices)}")
    return [*options.words, *mode, *others]


def _versions() -> str:
    packages = ("caviar-sweeps", "hydra-core", "optuna", "ray", "torch", "wandb")
    found = {package: metadata.version(package) for package in packages if _installed(package)}
    return "".join(f"{package} {version}\n" for package, version in found.items())


def _installed(package: str) -> bool:
    return any(metadata.distributions(name=package))


def terminal() -> Console:
    """Open the terminal for lines that hold names and paths: brackets in them are no markup."""
    return Console(markup=False, highlight=False)


@contextmanager
def doing(what: str, spins: bool = True) -> Iterator[None]:
    """Say what a person waits for: a spinner in a terminal, elsewhere a line if it takes long.

    Args:
        spins: False where what is done draws bars of its own: then a line in a terminal too.
    """
    console = terminal()
    if spins and console.is_terminal and not console.is_dumb_terminal:
        with Progress(
            SpinnerColumn(), TextColumn(what), TimeElapsedColumn(), console=console, transient=True
        ) as progress:
            progress.add_task(what)
            yield
        return
    timer = Timer(QUIET_S, lambda: console.print(what, soft_wrap=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # so that the line never comes after the next one


def one_sweep(command: str, options: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Read a command line that takes the name of one sweep and some options.

    Args:
        command: an example of the command, such as "make predict SWEEP=quickstart".
        options: names of the options that it takes.

    Returns:
        The name of the sweep; and option -> value, of the options that are given.

    Raises:
        ConfigError: not exactly one name, or an unknown option.
    """
    names, given = _names_and_options(options)
    if len(names) != 1 or not names[0]:
        raise ConfigError(f"name one sweep: {command}")
    return names[0], given


def some_sweeps(command: str, options: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Read a command line that takes the names of one or several sweeps and some options.

    Args:
        command: an example of the command, such as "make report SWEEP=quickstart".
        options: names of the options that it takes.

    Returns:
        The names; and option -> value, of the options that are given.

    Raises:
        ConfigError: no name, or an unknown option.
    """
    names, given = _names_and_options(options)
    if not any(name.strip() for name in names):
        raise ConfigError(f"name a sweep: {command}")
    return names, given


def _names_and_options(options: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    names, words = split(sys.argv[1:])
    for word in words:
        if key_of(word) not in options:
            raise ConfigError(unknown("option", word, key_of(word), list(options)))
    return names, options_of(words)


def options_of(words: Sequence[str]) -> dict[str, str]:
    """Map option -> value.

    Raises:
        ConfigError: an option is given twice, of which one would do nothing.
    """
    given: dict[str, str] = {}
    for word in words:
        key = key_of(word)
        if given.setdefault(key, value_of(word)) != value_of(word):
            raise ConfigError(f"{word}: {key}={given[key]} is given as well: give it once")
    return given


@contextmanager
def signals(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Pass Ctrl-C, SIGTERM and SIGHUP (a lost connection) to a handler within a `with` block."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def use_plugins() -> None:
    """Let Hydra find our sweeper plugin, which must be in the namespace `hydra_plugins`."""
    if str(_PLUGINS) not in sys.path:
        sys.path.insert(0, str(_PLUGINS))


class refusals:  # noqa: N801  reads as a statement: `with refusals():`
    """End the program with exit code 2 and a short message when a configuration is refused.

    Within the block SIGTERM and SIGHUP interrupt as Ctrl-C does.
    """

    def __enter__(self) -> None:
        """Enter the block; exit where nothing can work, whatever the configuration is."""
        _print_any_letter()
        if (hindrance := _hindrance()) is not None:
            sys.stderr.write(f"error: {hindrance}\n")
            raise SystemExit(2)
        self._signals = signals(signal.default_int_handler)
        self._signals.__enter__()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Print the message of an expected error and exit; let any other exception through."""
        self._signals.__exit__(None, None, None)
        if isinstance(error, KeyboardInterrupt):
            sys.stderr.write("interrupted\n")
            raise SystemExit(INTERRUPTED) from None
        message = _message(error) if error is not None else None
        if message is not None:
            sys.stderr.write(f"error: {redacted_text(message)}\n")
            sys.stderr.flush()
            raise SystemExit(2) from None


def _hindrance() -> str | None:
    """Say in one line why no command can work here; None if nothing is in the way."""
    if not __debug__:
        return (
            "PYTHONOPTIMIZE is set, or python -O: Hydra cannot read a command line without its "
            "assertions: unset PYTHONOPTIMIZE"
        )
    try:
        here = os.getcwd()
    except FileNotFoundError:
        return "the current folder has been removed: change into another one"
    if os.path.expanduser("~") == "~":
        return f"HOME is not set, and this user, {os.getuid()}, has no home folder: set HOME"
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        return "no folder for temporary files can be written: set TMPDIR to one that can"
    paths = (here, str(ROOT), *(os.environ.get(name, "") for name in _FOLDERS), *sys.argv[1:])
    for path in paths:
        if any("\udc80" <= letter <= "\udcff" for letter in path):  # a byte that is no letter here
            return (
                f"{path!a}: the locale's encoding, {sys.getfilesystemencoding()}, lacks a letter "
                "of it: set LC_ALL=C.UTF-8 or PYTHONUTF8=1"
            )
    return None


def _print_any_letter() -> None:
    """Let output whose encoding lacks a letter print ? instead, and go on."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")


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
    except Exception:  # without its hint the error must still be reported
        return []


def _known_keys() -> list[str]:
    """List every key and group that an override could mean, given the chosen groups."""
    GlobalHydra.instance().clear()
    with initialize_config_module("conf", version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        assert isinstance(loader, ConfigLoader)
        return known_keys(loader, sys.argv[1:])
