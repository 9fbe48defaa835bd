"""Train one configuration with several seeds as one training, epoch by epoch, by its means.

The first run has the trial's own folder, the others `runs/2`, `runs/3` and so on in it, each a
training like any other (`trainers.run`). An epoch is told once every run has it on disk.
"""

from __future__ import annotations

import statistics
from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from sweeps.trials import derived
from trainers.config import Keep, TrainConfig
from trainers.errors import Diverged
from trainers.files import checkpoints, history
from trainers.run import Saved, run

Run = Generator[Saved, None, None]


def lockstep(
    config: TrainConfig, runs: int, folder: Path, after: int = 0, owner: str = ""
) -> Generator[Saved, None, None]:
    """Train in `folder` with the configuration's seed and others made of it, as `run` does.

    Each epoch has the means of the runs' metrics, but for `epoch_s`, which is their sum, and beside
    them the standard deviation of the objective, `<objective>_sd`. Patience and the best epoch,
    which `checkpoint.keep` keeps of every run, are judged by the means.

    Args:
        runs: how many, 1 or more; one is an ordinary training.
        after: the last epoch that the caller knows of, of all runs.
        owner: id of the training, of which each run has its own.

    Raises:
        ConfigError: as `run` does.
        Diverged: a run has diverged; the epochs that all have remain.
    """
    if runs == 1:
        yield from run(config, folder, after, owner)
        return
    folders = [folder, *(folder / "runs" / str(number) for number in range(2, runs + 1))]
    seeds = [config.seed, *(derived(config.seed, f"run/{n}") for n in range(2, runs + 1))]
    with ExitStack() as stack:
        trainings = []
        for seed, place in zip(seeds, folders, strict=True):
            # By the means, so not by each for itself.
            own = replace(config, seed=seed, patience=None)
            own.checkpoint = replace(config.checkpoint, keep=Keep.all)
            trainings.append(
                stack.enter_context(
                    closing(run(own, place, after, f"{owner}/{seed}" if owner else ""))
                )
            )
        yield from _together(config, seeds, trainings, folders, after)


def _together(
    config: TrainConfig,
    seeds: Sequence[int],
    trainings: Sequence[Run],
    folders: Sequence[Path],
    after: int,
) -> Generator[Saved, None, None]:
    objective = config.task.metric
    rows: history.Rows = {}
    number = after
    while True:
        number += 1
        reached = [_reach(number, *each) for each in zip(trainings, seeds, strict=True)]
        epochs = [one for one in reached if one is not None]
        while len(epochs) == len(seeds) and (front := max(e.number for e in epochs)) > number:
            number = front  # a run has lost the metrics of an epoch: it cannot be told
            reached = [
                one if one.number == front else _reach(front, training, seed)
                for one, training, seed in zip(epochs, trainings, seeds, strict=True)
            ]
            epochs = [one for one in reached if one is not None]
        if not rows:  # only now has each run put its folder in order
            rows = _means([history.read(place / "metrics.csv") for place in folders], objective)
            rows = {known: row for known, row in rows.items() if known < number}
            if history.stalled(rows, config.task, config.patience):
                return
        if len(epochs) < len(seeds):
            return
        rows[number] = _mean([one.metrics for one in epochs], objective)
        best = history.best(rows, config.task)
        for place in folders:
            checkpoints.prune(place, config.checkpoint.keep, best)
        notes = tuple(note for one in epochs for note in one.notes)
        yield Saved(number, rows[number], epochs[0].checkpoint, notes)
        if history.stalled(rows, config.task, config.patience):
            return


def _reach(number: int, training: Run, seed: int) -> Saved | None:
    """Return the epoch of a run with this number; None if it has ended before.

    What comes earlier had to be trained again, its checkpoint being damaged.
    """
    notes: tuple[str, ...] = ()
    try:
        for saved in training:
            notes += saved.notes
            if saved.number >= number:
                return replace(saved, notes=notes)
    except Diverged as error:
        raise Diverged(error.epoch, f"{error.reason} with seed {seed}") from error
    return None


def _means(runs: Sequence[history.Rows], objective: str) -> history.Rows:
    """Return the means of the epochs that all runs have."""
    numbers = sorted(set(runs[0]).intersection(*runs[1:]))
    return {number: _mean([rows[number] for rows in runs], objective) for number in numbers}


def _mean(runs: Sequence[dict[str, float]], objective: str) -> dict[str, float]:
    """Return the metrics of one epoch of several runs as those of one."""
    told = {name: statistics.fmean(metrics[name] for metrics in runs) for name in runs[0]}
    told[f"{objective}_sd"] = statistics.stdev(metrics[objective] for metrics in runs)
    told["epoch_s"] = sum(metrics["epoch_s"] for metrics in runs)
    return told
