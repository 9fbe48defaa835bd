"""Measure whether findings claim too much, or miss what is there, on simulated sweeps.

Sweeps with the real search, stopping rule and driver, on curves whose truth is known: of six keys
none matters, or a choice, a list and two numbers do (one effect of a choice is three times the
noise between seeds), or these and a learning rate above which training collapses. Each sweep's
effects are compared with the truth of the trials it has tried.

    make bench BENCH=findings ARGS="sweeps=300 largest=60"
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from itertools import product
from multiprocessing import get_context
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from sweeps.bench.record import MedianOfRuns, write
from sweeps.checked.check import check
from sweeps.checked.sweep import Sweep
from sweeps.cli import refusals, terminal, use_plugins
from sweeps.config.composition import compose
from sweeps.config.overrides import key_of, value_of
from sweeps.driver.budget import UNLIMITED
from sweeps.findings.edges import edges
from sweeps.findings.effects import effects
from sweeps.findings.finding import Effect
from sweeps.findings.observations import Factor, Observations, observe
from sweeps.simulation import simulate
from sweeps.simulation.curves import Curve
from sweeps.trials import TrialRecord
from trainers.errors import ConfigError

SPACE = (
    "optimizer.lr=tag(log,interval(1e-4,1e-1))",
    "model.width=tag(log,int(interval(16,256)))",
    "model.dropout=interval(0.0,0.5)",
    "activation=relu,gelu,silu",
    "norm=batch,none,layer",
    "batch_size=16,32,64",
)
EPOCHS = 9
#: Standard deviation of a trial's score between seeds, and of an epoch's on top of that.
SEEDS, JITTER = 0.01, 0.003
#: The planted effects: three times the noise.
STRONG = 3 * math.hypot(SEEDS, JITTER)
#: Where training collapses, on the scale of the learning rate, and what that costs.
CLIFF, COLLAPSE = 0.7, 0.6
TRUTHS = ("nothing", "planted", "collapse")
COUNTS = (4, 8, 12, 24, 60, 200)
DEFAULTS = {"sweeps": 300, "largest": COUNTS[-1]}
_WORKERS = 4
#: Sweeps that a process simulates at a time.
_BATCH = 25


@dataclass(frozen=True)
class Truth:
    """Makes learning curves of which it is known what matters.

    Attributes:
        kind: what does: one of `TRUTHS`.
        seed: of all noise.
    """

    kind: str
    seed: int
    epochs: int = EPOCHS

    def parts(self, params: Mapping[str, Any]) -> dict[str, float]:
        """Return what each key contributes to the score."""
        if self.kind == "nothing":
            return {}
        at = (math.log10(params["optimizer.lr"]) + 4) / 3
        return {
            "activation": STRONG if params["activation"] == "gelu" else 0.0,
            "norm": -STRONG if params["norm"] == "none" else 0.0,
            "optimizer.lr": -15 * SEEDS * ((at - 0.6) / 0.6) ** 2
            - COLLAPSE * (self.kind == "collapse" and at > CLIFF),
            "model.width": STRONG * (math.log2(params["model.width"]) - 4) / 4,
        }

    def curve(self, params: Mapping[str, Any]) -> Curve:
        """Compute the curve of a configuration."""
        text = json.dumps([self.seed, dict(params)], sort_keys=True).encode()
        random = np.random.default_rng(int.from_bytes(hashlib.sha256(text).digest()[:8], "big"))
        level = 0.9 + sum(self.parts(params).values()) + SEEDS * random.standard_normal()
        epochs = np.arange(1.0, self.epochs + 1)
        values = level - 0.4 * (1 + epochs) ** -0.8
        values += JITTER * random.standard_normal(self.epochs)
        return Curve(tuple(values.tolist()), (1.0,) * self.epochs)

    def describe(self) -> list[str]:
        """State that the curves are made up."""
        return ["curves: made up, with known effects"]


@dataclass(frozen=True)
class Case:
    """Names a kind of sweep."""

    truth: str
    search: str
    stop: str
    trials: int

    def __str__(self) -> str:
        return f"{self.truth}, {self.search}, {self.stop}, {self.trials}"


@dataclass(frozen=True)
class Counts:
    """Counts what the effects of some sweeps say; added up over sweeps.

    Attributes:
        compared, covered: effects with an interval, and intervals with the truth in them.
        claimed, right: effects that are claimed, and those of the right direction.
        false: claims of the wrong direction, or whose interval misses the truth.
        strong, found: effects of three times the noise, and those that are claimed.
        sweeps, claiming, misled: sweeps, those with any claim, and with a false one.
        edges: statements on the edges of the space.
    """

    compared: int = 0
    covered: int = 0
    claimed: int = 0
    right: int = 0
    false: int = 0
    strong: int = 0
    found: int = 0
    sweeps: int = 0
    claiming: int = 0
    misled: int = 0
    edges: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(a + b for a, b in zip(_numbers(self), _numbers(other), strict=True)))


def _numbers(counts: Counts) -> tuple[int, ...]:
    return tuple(vars(counts).values())


def main() -> None:
    """Simulate all kinds of sweeps, print a table and write results/bench/findings.json."""
    console = terminal()
    use_plugins()
    with refusals():
        options = _options(sys.argv[1:])
        cases = list(cases_of(options["largest"]))
        counts = dict.fromkeys(cases, Counts())
        with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
            tasks = {
                pool.submit(measure, case, start, min(_BATCH, options["sweeps"] - start)): case
                for case in cases
                for start in range(0, options["sweeps"], _BATCH)
            }
            for done, task in enumerate(as_completed(tasks), 1):
                counts[tasks[task]] += task.result()
                if done % max(1, len(tasks) // 20) == 0:
                    console.print(f"simulated: {done} of {len(tasks)} batches")
        path = write("findings", options["sweeps"], _figures(counts, console))
    console.print(f"\n{path}")


def cases_of(largest: int) -> Iterator[Case]:
    """Yield the kinds of sweeps with at most so many trials."""
    for truth, count in product(TRUTHS, COUNTS):
        for search, stop in product(("random", "tpe"), ("none", "asha")):
            if count <= largest:
                yield Case(truth, search, stop, count)


def _options(words: Sequence[str]) -> dict[str, int]:
    """Read the options `sweeps=` and `largest=` of the command line."""
    options = dict(DEFAULTS)
    for word in words:
        key, value = key_of(word), value_of(word)
        if key not in DEFAULTS or not value.isdecimal() or int(value) < 1:
            raise ConfigError(
                f"{word}: this bench takes sweeps=300 and largest=60, whole numbers of 1 or more"
            )
        options[key] = int(value)
    return options


def measure(case: Case, start: int, sweeps: int) -> Counts:
    """Simulate some sweeps of a kind, and count what their effects say."""
    use_plugins()
    made = _sweep(case)
    counts = Counts()
    for seed in range(start + 1, start + sweeps + 1):
        truth = Truth(case.truth, seed)
        trials = simulate(made, truth, _WORKERS, seed).trials
        counts += judged(observed_of(made, trials), truth)
    return counts


def _sweep(case: Case) -> Sweep:
    words = ["experiment=quickstart", "space=null", "track=none", f"epochs={EPOCHS}"]
    words += [f"search={case.search}", f"stop={case.stop}", *SPACE]
    with compose(words) as composition:
        made = check(composition)
    return replace(made, budget=replace(UNLIMITED, trials=case.trials))


def observed_of(sweep: Sweep, trials: Sequence[TrialRecord]) -> Observations:
    """Return the trials as their effects are estimated."""
    dimensions = {p.key: p.dimension for p in sweep.space.parameters}
    return observe(trials, sweep.objective, dimensions, sweep.config["search"], trials[0])


def judged(observed: Observations, truth: Truth) -> Counts:
    """Compare the effects of a sweep with the truth."""
    counts = Counts(sweeps=1, edges=len(edges(observed)))
    parts = [truth.parts(trial.params) for trial in observed.trials]
    factors = {factor.key: factor for factor in observed.factors}
    for effect in effects(observed, None):
        if not effect.known:
            continue
        own = np.array([part.get(effect.key, 0.0) for part in parts])
        true = difference(factors[effect.key], effect, own)
        strong = abs(true) > 0.999 * STRONG
        covered, right = effect.low <= true <= effect.high, true * effect.estimate > 0
        counts += Counts(
            compared=1,
            covered=int(covered),
            claimed=int(effect.clear),
            right=int(effect.clear and right),
            false=int(effect.clear and not (covered and right)),
            strong=int(strong),
            found=int(strong and effect.clear),
        )
    return replace(counts, claiming=int(counts.claimed > 0), misled=int(counts.false > 0))


def difference(factor: Factor, effect: Effect, own: np.ndarray[Any, Any]) -> float:
    """Return the true difference between the levels of an effect, among what was tried."""
    reference = dict(factor.contrasts)[effect.place]
    means = [float(own[factor.codes == level].mean()) for level in (effect.place, reference)]
    return means[0] - means[1]


def _figures(counts: Mapping[Case, Counts], console: Console) -> dict[str, MedianOfRuns]:
    """Print a row for each kind of sweep, and return its figures."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("truth, search, stop, trials", no_wrap=True)
    heads = ("covered", "claims", "sweeps", "misled", "right", "false", "found", "edges")
    for head in heads:
        table.add_column(head, justify="right")
    figures: dict[str, MedianOfRuns] = {}
    for case, one in counts.items():
        shares = (
            ("95 % intervals with the truth", one.covered, one.compared),
            ("statements that claim an effect", one.claimed, one.compared),
            ("sweeps that claim any", one.claiming, one.sweeps),
            ("sweeps with a false claim", one.misled, one.sweeps),
            ("claims of the right direction", one.right, one.claimed),
            ("claims that are false or missed", one.false, one.claimed),
            ("effects of 3 x the noise found", one.found, one.strong),
        )
        cells = []
        for what, part, whole in shares:
            cells.append(f"{100 * part / whole:.1f}" if whole else "-")
            if whole:
                figures[f"{case}: {what}"] = _share(part, whole)
        table.add_row(str(case), *cells, f"{one.edges / max(one.sweeps, 1):.2f}")
    console.print(table)
    console.print(
        "In %. Covered: 95 % intervals with the truth in them; claims: effects that are claimed; "
        "sweeps: those that claim any;\nmisled: sweeps with a false claim; right: claims in the "
        "true direction; false: claims in another,\nor whose interval misses the truth; found: "
        "effects of three times the noise that are claimed;\nedges: statements a sweep"
    )
    return figures


def _share(part: int, whole: int) -> MedianOfRuns:
    """Return a share with its 95 % interval (Wilson 1927), as if all were independent."""
    z, share = 1.959964, part / whole
    middle = (share + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z * math.sqrt(share * (1 - share) / whole + (z / (2 * whole)) ** 2)
    half /= 1 + z * z / whole
    return MedianOfRuns(share, middle - half, middle + half, "of all")


if __name__ == "__main__":
    main()
