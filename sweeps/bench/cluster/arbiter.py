"""Measure the arbiter with more machines than there are: its own code, no network, no Ray.

Sweeps ask in turn, as their drivers do; then one asks for more, so that all is divided anew.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from cluster.sharing.arbiter import Sharing
from cluster.sharing.shares import Machine
from sweeps.backend.claim import Claim
from sweeps.bench.record import MedianOfRuns

#: (machines of 8 cards, sweeps).
SIZES = ((8, 8), (64, 8), (64, 32), (256, 32))
_CARDS, _CPUS = 8, 64.0
_SLOT = {"CPU": 4.0, "GPU": 1.0}
_ROUNDS, _NOW = 10, 1e9


def measure() -> dict[str, MedianOfRuns]:
    """Let sweeps ask an arbiter of each size, and return the figures."""
    found = {}
    for machines, sweeps in SIZES:
        answers, anew = ask(machines, sweeps)
        what = f"{machines * _CARDS:,} cards, {sweeps} sweeps"
        found[f"{what}: an answer"] = MedianOfRuns.of([1e3 * s for s in answers], "ms")
        found[f"{what}: dividing anew"] = MedianOfRuns.of([1e3 * s for s in anew], "ms")
    return found


def ask(machines: int, sweeps: int) -> tuple[list[float], list[float]]:
    """Return the seconds of each answer, and of those for which all was divided anew."""
    have = [Machine(_CPUS, _CARDS)] * machines
    wanted = machines * _CARDS
    with tempfile.TemporaryDirectory() as folder:
        sharing = Sharing(
            lambda: have,
            Path(folder, "members.yaml"),
            Path(folder, "usage.json"),
            clock=lambda: _NOW,  # so that nothing but a wish makes it divide anew
        )
        claims = [
            Claim(f"{n:032x}", f"sweep-{n}", f"member-{n % 8}", _SLOT, wanted, 0)
            for n in range(sweeps)
        ]
        answers, anew = [], []
        for claim in claims:
            _timed(sharing, claim)
        for turn in range(_ROUNDS):
            answers += [_timed(sharing, claim) for claim in claims]
            claims[0] = replace(claims[0], wanted=wanted - turn - 1)
            anew.append(_timed(sharing, claims[0]))
    return answers, anew


def _timed(sharing: Sharing, claim: Claim) -> float:
    began = time.perf_counter()
    sharing.beat(claim)
    return time.perf_counter() - began
