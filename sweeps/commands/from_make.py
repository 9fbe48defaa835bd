"""Run a command with the variables of a make target, which no shell has read.

`python -m sweeps.commands.from_make MODULE [WORD …]`. Make hands each variable over as it was
written, in the environment as CAVIAR_<name>. A word SWEEP becomes its value, one word whatever is
in it; ARGS becomes several, split as a shell would split them, with nothing expanded;
`--port=PORT` and `train/TRAIN` get the value. A variable without a value adds nothing; other words
stay. The command is printed before it is run, without passwords and keys.
"""

from __future__ import annotations

import importlib.util
import os
import re
import runpy
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType

from sweeps.redaction import PASSWORD, redacted_text, take_password

_PREFIX = "CAVIAR_"
#: What a process looks up itself: the folder of the head, and whose sweep it runs.
_KEPT = ("CAVIAR_CLUSTER", "CAVIAR_MEMBER")
_WORD = re.compile(r"(--[a-z-]+=|train/)?([A-Z]+)")

#: Where make keeps the command line for a make within it; passwords among its variables.
_OF_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES")


def words_of(template: Sequence[str], variables: Mapping[str, str]) -> Iterator[str]:
    """Yield the words of a command, its variables replaced by their values.

    Raises:
        ValueError: ARGS has a quote without its other half.
    """
    for word in template:
        match = _WORD.fullmatch(word)
        if match is None:
            yield word
            continue
        value = variables.get(match[2], "")
        if match[2] == "ARGS":
            yield from shlex.split(value)
        elif value:
            yield f"{match[1] or ''}{value}"


def main() -> None:
    """Replace the variables, and run the module as `python -m` would."""
    module, *template = sys.argv[1:]
    variables = {
        name[len(_PREFIX) :]: os.environ[name] if name in _KEPT else os.environ.pop(name)
        for name in [*os.environ]
        if name.startswith(_PREFIX)
    }
    for name in (*variables, *_OF_MAKE):
        os.environ.pop(name, None)
    if module.endswith(".BENCH"):
        module = module.replace("BENCH", variables["BENCH"])
        if not re.fullmatch(r"[\w.]+", module) or importlib.util.find_spec(module) is None:
            _refuse(f"BENCH={variables['BENCH']}: there is no such benchmark in sweeps/bench")
    try:
        words = list(words_of(template, variables))
    except ValueError as error:
        _refuse(f"ARGS: {error}: write a quote that is meant as such as \\' or \\\"")
    pairs = [take_password(word) for word in words]
    for _, password in pairs:
        if password is not None:
            os.environ[PASSWORD] = password
    sys.argv[1:] = [word for word, _ in pairs]
    python = os.path.relpath(sys.executable)
    command = shlex.join([python, "-m", module, *sys.argv[1:]])
    sys.stderr.write(f"{redacted_text(command)}\n")
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _refuse(message: str) -> None:
    sys.stderr.write(f"error: {message}\n")
    raise SystemExit(2)


def _end(number: int, frame: FrameType | None) -> None:
    """End at once: an exception amid imports would become another, over many lines."""
    os.write(2, b"interrupted\n")
    os._exit(130)


def _end_at_once() -> None:
    """End at a signal until the command, which takes seconds to be imported, looks after them."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
        signal.signal(signal.SIGHUP, _end)


if __name__ == "__main__":
    if sys.argv[1:2] != ["pytest"]:  # which tells at Ctrl-C what has been tested
        _end_at_once()
    main()
