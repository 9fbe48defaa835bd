"""Measure a cluster on this host: `make bench BENCH=cluster`, all parts of it or some.

growth      trials a minute with 1, 2, 4 and 8 machines, against Ray Tune alone; what the
            processes of head and driver take
fairness    how two sweeps share four machines by their members' weights
streaming   what it costs that a machine does not share the results
arbiter     what an answer of the arbiter takes with up to 256 machines

make bench BENCH=cluster ARGS="runs=3 parts=growth,fairness"
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

from rich.console import Console

from sweeps.bench.cluster import arbiter, fairness, growth, streaming
from sweeps.bench.record import MedianOfRuns, counts, show, write
from sweeps.cli import refusals, terminal
from sweeps.config.overrides import key_of, value_of
from trainers.errors import ConfigError

DEFAULTS = {"runs": 3}

#: Part -> what measures it, so often.
PARTS: Mapping[str, Callable[[int, Console], Mapping[str, MedianOfRuns]]] = {
    "growth": growth.measure,
    "fairness": fairness.measure,
    "streaming": streaming.measure,
    "arbiter": lambda runs, console: arbiter.measure(),
}


def parts_of(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split a command line into the parts to measure and its other words.

    Raises:
        ConfigError: there is no such part.
    """
    given = [value_of(word) for word in words if key_of(word) == "parts"]
    parts = given[-1].split(",") if given else [*PARTS]
    for part in parts:
        if part not in PARTS:
            raise ConfigError(f"parts={given[-1]}: this benchmark has {', '.join(PARTS)}")
    return parts, [word for word in words if key_of(word) != "parts"]


def main() -> None:
    """Measure part by part, print the figures and write results/bench/cluster-<part>.json."""
    console = terminal()
    with refusals():
        parts, others = parts_of(sys.argv[1:])
        runs = counts(others, DEFAULTS)["runs"]
        for part in parts:
            figures = PARTS[part](runs, console)
            path = write(f"cluster-{part}", runs, figures)
            show(console, part, figures)
            console.print(f"\n{path}\n", soft_wrap=True)


if __name__ == "__main__":
    main()
