"""Sweeps on record, made of numbers: nothing is trained and no file is written."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.results_folder import Folder
from sweeps.space.dimensions import Choice, Dimension, Interval
from sweeps.trials import Objective, Source, State, TrialRecord

METRIC = "val_accuracy"
SPACE: dict[str, Dimension] = {
    "optimizer.lr": Interval(1e-4, 1e-1, log=True),
    "model.width": Interval(16, 256, log=True, integer=True),
    "activation": Choice(("relu", "gelu", "silu")),
    "norm": Choice(("batch", "none")),
}
RANDOM = "optuna.samplers.RandomSampler"
TPE = "optuna.samplers.TPESampler"


def trial(
    number: int,
    params: Mapping[str, Any],
    values: Sequence[float],
    state: State = State.COMPLETE,
    **more: Any,
) -> TrialRecord:
    """A trial with these values of the objective, a second an epoch."""
    epochs = {e: {METRIC: v, "epoch_s": 1.0} for e, v in enumerate(values, 1)}
    made = {"epochs": epochs, "seconds": float(len(epochs)), "machine": "box", **more}
    return TrialRecord(f"{number:04d}", number, state, params=params, **made)


def repeat(number: int, of: TrialRecord, seed: int, values: Sequence[float]) -> TrialRecord:
    """The same configuration again, with another seed."""
    return trial(number, of.params, values, source=Source(of.id, seed=seed))


def sweep(
    trials: Sequence[TrialRecord],
    dimensions: Mapping[str, Dimension] | None = None,
    search: str = RANDOM,
    path: Path = Path("results/made"),
    **config: Any,
) -> RecordedSweep:
    """A sweep as it is read from its folder."""
    return RecordedSweep(
        folder=Folder(path),
        config={
            "name": path.name,
            "seed": 0,
            "epochs": 9,
            "results": str(path.parent),
            "baseline": False,
            "search": {"_target_": search},
            "budget": {"trials": len(trials)},
            "resources": {"gpu": 0},
            "repeats": {"runs": 1, "top": 0, "seeds": 3, "race": True},
            **config,
        },
        overrides=[],
        choices={},
        data="data",
        made_by={},
        uid="made",
        wall_s=100.0,
        objectives=(Objective(METRIC, True),),
        dimensions=SPACE if dimensions is None else dimensions,
        trials=tuple(trials),
        remarks=(),
        attributes={},
    )


def draw(random: np.random.Generator, space: Mapping[str, Dimension] = SPACE) -> dict[str, Any]:
    """A configuration, drawn at random."""
    params: dict[str, Any] = {}
    for key, dimension in space.items():
        if isinstance(dimension, Choice):
            params[key] = dimension.values[random.integers(len(dimension.values))]
            continue
        at = random.uniform()
        low, high = dimension.low, dimension.high
        value = low * (high / low) ** at if dimension.log else low + (high - low) * at
        params[key] = round(value) if dimension.integer else value
    return params


def drawn(
    count: int,
    rule: Callable[[Mapping[str, Any]], float],
    seed: int = 0,
    noise: float = 0.005,
    space: Mapping[str, Dimension] = SPACE,
    epochs: int = 9,
) -> list[TrialRecord]:
    """Trials of random search that reach what a rule says, and noise of their seed."""
    random = np.random.default_rng(seed)
    trials = []
    for number in range(count):
        params = draw(random, space)
        end = rule(params) + noise * random.standard_normal()
        curve = [end - 0.3 * math.exp(-epoch) for epoch in range(1, epochs)]
        trials.append(trial(number, params, [*curve, end]))
    return trials


def halved(trials: Sequence[TrialRecord], rung: int = 3) -> list[TrialRecord]:
    """The same trials, all but the best third of them stopped at a rung."""
    values = sorted((t.epochs[rung][METRIC] for t in trials), reverse=True)
    bar = values[len(values) // 3]
    stopped = []
    for one in trials:
        if one.epochs[rung][METRIC] >= bar:
            stopped.append(one)
            continue
        values = [one.epochs[epoch][METRIC] for epoch in range(1, rung + 1)]
        reason = f"asha: 9th of 9 at epoch {rung}, and only the best third goes on"
        stopped.append(trial(one.number, one.params, values, State.STOPPED, reason=reason))
    return stopped


def rule(params: Mapping[str, Any]) -> float:
    """GELU is two points better, and the best learning rate lies at 0.01."""
    gelu = 0.02 * (params.get("activation") == "gelu")
    return 0.8 + gelu - 0.02 * (math.log10(params["optimizer.lr"]) + 2) ** 2
