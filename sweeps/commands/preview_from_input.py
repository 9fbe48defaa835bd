"""Preview a sweep whose overrides come on the input, as a list in JSON."""

from __future__ import annotations

import json
import os
import sys

import torch

from sweeps.commands import sweep
from trainers import fit

#: What a preview imports late, and would wait for.
_LOADED = (torch, fit)


def main() -> int:
    """Preview what comes, if anything does: nothing comes of a service that has ended.

    Returns:
        The exit code.
    """
    if words := sys.stdin.read():
        sys.argv[1:] = ["preview=true", *json.loads(words)]
        try:
            sweep.main()
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else 1
    return 0


if __name__ == "__main__":
    exit_code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)  # to unload PyTorch takes half a second, for which a person waits
