"""Check sweeps whose command lines come on the input: a list of words in JSON, a line each.

The words are those of `make sweep`, or, with a name among them, those of `make resume`. The answer
is a line {"code": exit code, "told": what was printed of errors}. Each is checked in a process of
its own, a copy of this one, which has loaded PyTorch and, once nothing has come for a while,
composed the experiments of conf/ and the choices that have come: both are most of a check's time.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import select
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence

import torch

from sweeps import ROOT, cli
from sweeps.checked.check import check
from sweeps.commands import resume, sweep
from sweeps.config.composition import compose
from sweeps.config.hydra_cache import compose_once, forget
from sweeps.config.overrides import key_of, split
from trainers import fit
from trainers.errors import ConfigError

#: Seconds without anything to check before one more is composed ahead: what starts meanwhile, such
#: as the sweep that was handed in, is hardly slower by a second of a core now and then.
_IDLE_S = 10.0
#: Command lines whose choices are kept composed; some 0.5 MB each.
_MOST_KEPT = 100

#: What a check imports late, and would wait for.
_LOADED = (torch, fit)


def main() -> None:
    """Answer until the input ends, as it does with whoever has started this process."""
    most_s = int(sys.argv[1])
    cli.use_plugins()
    _import_for_large_models()
    compose_once()
    conf, ahead = _conf(), _experiments()
    known = {*ahead}
    while True:
        if ahead and not select.select([sys.stdin], [], [], _IDLE_S)[0]:
            _compose(ahead.pop())
            continue
        line = sys.stdin.readline()
        if not line:
            return
        if (now := _conf()) != conf or len(known) > _MOST_KEPT:
            forget()
            conf, ahead = now, _experiments()
            known = {*ahead}
        words = json.loads(line)
        code, told = _apart(words, most_s)
        sys.stdout.write(f"{json.dumps({'code': code, 'told': told})}\n")
        sys.stdout.flush()
        if code == 0 and (choices := _choices(words)) not in known:
            known.add(choices)
            ahead.append(choices)


def _import_for_large_models() -> None:
    """Let PyTorch import, in half a second, what builds a large model without memory."""
    nowhere = torch.zeros(2, 2, device="meta")
    torch.nn.functional.cross_entropy(torch.nn.functional.linear(nowhere, nowhere), nowhere)


def _experiments() -> list[tuple[str, ...]]:
    """Return the words of each experiment of conf/: the last, which comes first, has none.

    Before it are those of the shortest names, such as mnist: longer ones are kinds of them.
    """
    names = [path.stem for path in (ROOT / "conf" / "experiment").glob("*.yaml")]
    ordered = sorted(names, key=lambda name: (-len(name), name))
    return [*((f"experiment={name}",) for name in ordered), ()]


def _choices(words: Sequence[str]) -> tuple[str, ...]:
    """Return those of the words that choose in a group of conf/."""
    return tuple(word for word in words if (ROOT / "conf" / key_of(word)).is_dir())


def _compose(words: Sequence[str]) -> None:
    """Compose all that a check of these words does, for what Hydra keeps of it.

    No model is built: a copy of a process has none of the threads that computed in it, and waits
    for them for ever.
    """
    with contextlib.suppress(ConfigError), compose(words) as composition:  # a plan is refused
        check(composition)


def _apart(words: list[str], most_s: int) -> tuple[int, str]:
    """Check in a process of its own; return its exit code and what it printed of errors.

    The code is that of a signal, negative, if one has ended it: SIGALRM if it took too long.
    """
    with tempfile.TemporaryFile() as told:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(most_s)
                with open(os.devnull, "r+b", buffering=0) as nothing:
                    for number, file in enumerate((nothing, nothing, told)):
                        os.dup2(file.fileno(), number)
                code = _check(words)
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        told.seek(0)
        return os.waitstatus_to_exitcode(status), told.read().decode("utf-8", "replace")


def _check(words: list[str]) -> int:
    """Check the words of a command line, without a word but of errors; return the exit code."""
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            with cli.refusals():
                names, overrides = split(words)
                for name in names:
                    resume.check(name, overrides)
            if not names:
                sys.argv[1:] = words
                cli.composed(sweep.check.__name__)
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else 1
    return 0


def _conf() -> dict[str, int]:
    """Map each file of conf/ to when it was changed (ns)."""
    return {str(path): path.stat().st_mtime_ns for path in (ROOT / "conf").rglob("*.yaml")}


if __name__ == "__main__":
    main()
