"""Preview a sweep whose overrides come on the input, as a list in JSON."""

from __future__ import annotations

import json
import sys

import torch

from sweeps.commands import sweep
from trainers import fit

#: What a preview imports late, and would wait for.
_LOADED = (torch, fit)


def main() -> None:
    """Preview what comes, if anything does: nothing comes of a service that has ended."""
    if words := sys.stdin.read():
        sys.argv[1:] = ["preview=true", *json.loads(words)]
        sweep.main()


if __name__ == "__main__":
    main()
