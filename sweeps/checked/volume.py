"""Measure, before a sweep, how much its checkpoints may take: on disk, and at W&B."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import optuna

from sweeps.checked.sweep import Sweep
from sweeps.formatting import size_text
from sweeps.tracking import WandbTracker
from trainers.config import Keep, typed
from trainers.config.targets import locate
from trainers.errors import ConfigError, DataError

#: Number of configurations that are drawn to measure checkpoints.
SAMPLES = 12

#: The same where a sweep waits for it.
FEW = 3

#: Where `track.warn_gb` is not on record.
_WARN_GB = 5.0


@dataclass(frozen=True)
class Volume:
    """Describes what the checkpoints of a sweep may take at most.

    Attributes:
        each: what one takes, in words.
        mean: what one takes on average, in bytes.
        kept: how many a trial keeps.
        trials: how many trials there are at most, repeats of the best among them; None: no limit.
        runs: trainings of a trial, of which W&B gets the first.
    """

    each: str
    mean: float
    kept: int
    trials: int | None
    runs: int

    @property
    def on_disk(self) -> float | None:
        """Return the bytes on disk; None if there is no limit."""
        return None if self.trials is None else self.trials * self.runs * self.kept * self.mean

    def at_wandb(self, checkpoints: str) -> tuple[float, bool]:
        """Return the bytes at W&B, and whether they are those of a single trial.

        Args:
            checkpoints: all | best | none, as in `track.checkpoints`.
        """
        count = {"all": self.kept, "best": 1}.get(checkpoints, 0)
        return (self.trials or 1) * count * self.mean, self.trials is None


def measure(sweep: Sweep, samples: int = SAMPLES) -> Volume | str:
    """Measure the checkpoints of some configurations; or say why that cannot be."""
    from trainers.data.resident import here
    from trainers.fit import size

    try:
        if not here(sweep.training.data):
            return "not known before the data has been read once"
    except DataError:
        return "not known without the data"
    sizes = []
    for params in draw(sweep, samples):
        try:
            sizes.append(size(typed(sweep.composition.trial(params))).checkpoint_bytes)
        except DataError as error:
            return f"not known: {error}"
        except ConfigError:  # a combination that cannot be trained: that trial will fail alone
            continue
    if not sizes:
        return "not known: none of some configurations could be built"
    trials = sweep.trials
    return Volume(
        each=f"{size_text(min(sizes))} to {size_text(max(sizes))} each",
        mean=sum(sizes) / len(sizes),
        kept=sweep.longest if sweep.training.checkpoint.keep is Keep.all else 2,
        trials=None if trials is None else trials + sweep.repeats.most,
        runs=sweep.repeats.runs,
    )


def shown(sweep: Sweep, measured: Volume | str | None = None) -> str:
    """Tell what W&B will get, and how to lower it if it is much; empty if it gets nothing.

    Args:
        measured: what `measure` has found; None: it is measured here, of few configurations.

    Raises:
        ConfigError: `track.warn_gb` is no number.
    """
    track: Mapping[str, Any] = sweep.config["track"]
    tracker = locate("track", track)
    if not (isinstance(tracker, type) and issubclass(tracker, WandbTracker)):
        return ""
    warn_gb = track.get("warn_gb", _WARN_GB)
    if isinstance(warn_gb, bool) or not isinstance(warn_gb, int | float):
        raise ConfigError(f"track.warn_gb={warn_gb}: give a number of GB, such as 5")
    wanted = {"True": "all", "False": "none"}.get(
        str(track.get("checkpoints")), str(track.get("checkpoints", "all"))
    )
    if wanted == "none":
        return "metrics and tables, no checkpoints (track.checkpoints=none)"
    measured = measured or measure(sweep, samples=FEW)
    if isinstance(measured, str):
        return f"checkpoints whose size is {measured}"
    most, single = measured.at_wandb(wanted)
    text = f"up to about {size_text(most)} of checkpoints{' a trial' if single else ''}"
    if most <= warn_gb * 1e9:
        return f"{text} (track.checkpoints={wanted})"
    less = ""
    if wanted == "all" and measured.kept > 1:
        less = f"track.checkpoints=best for {size_text(measured.at_wandb('best')[0])}, "
    return (
        f"{text}: MORE THAN {warn_gb:g} GB (track.warn_gb); {less}track.checkpoints=none for none"
    )


def draw(sweep: Sweep, samples: int = SAMPLES) -> list[dict[str, Any]]:
    """Draw some configurations: the first ones of a fixed list, else random ones."""
    count = min(sweep.search.limit() or samples, samples)
    fixed = [point for n in range(count) if (point := sweep.search.point(n)) is not None]
    if len(fixed) == count:
        return [dict(point) for point in fixed]
    sampler = optuna.samplers.RandomSampler(seed=sweep.training.seed)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=sampler)
    return [sweep.space.suggest(study.ask()) for _ in range(count)]
