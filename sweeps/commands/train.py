"""Train one model and show each epoch: `make train`.

The configuration is that of a sweep, without a search. Each call trains in a folder of its own,
`results/train/<number>`; a call with the configuration of an unfinished training resumes it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sweeps import cli
from sweeps.cli import FAILED, INTERRUPTED, terminal
from sweeps.config.keys import plain
from sweeps.config.unknown_keys import refuse_unknown_keys
from sweeps.formatting import duration, number, score
from sweeps.tracking import Tracker
from trainers.config import TrainConfig, refuse_idle, typed
from trainers.config.targets import instantiate
from trainers.errors import ConfigError, Diverged

#: Metrics that are shown of each epoch, where the trainer reports them, in this order.
_COLUMNS = ("train_loss", "val_loss", "val_accuracy", "lr", "samples_per_s")
_WIDTH = 14  # of a column: the five of them and the epoch are less than 80 wide


def train(config: DictConfig) -> None:
    """Train one model, showing each epoch as it ends.

    Raises:
        ConfigError: a configuration that cannot be trained.
        SystemExit: it diverged (1), or was interrupted (130).
    """
    from trainers.data import data_fraction
    from trainers.data.resident import prepare
    from trainers.files.history import best, stalled
    from trainers.model_and_data import untrained
    from trainers.run import run

    refuse_unknown_keys(config)
    training = typed(config)
    refuse_idle(training)
    container = plain(config)
    console = terminal()
    prepare(training.data)
    untrained(training)  # what cannot be built is refused before a folder is made
    folder, trained = _folder(Path(training.results) / "train", container, training)
    OmegaConf.save(OmegaConf.create(container), folder / "config.yaml")
    tracker: Tracker = instantiate(
        "track", container["track"], sweep="train", uid=folder.name, folder=folder
    )
    tracker.trial_started(folder.name, container, len(trained))
    rows: dict[int, dict[str, float]] = {}
    metric = training.task.metric
    began = time.monotonic()
    state, reason, code = "complete", "", 0
    if trained:
        console.print(f"{folder}: going on after epoch {max(trained)}", soft_wrap=True)
    if early := data_fraction.describe(training.first):
        console.print(f"of {training.epochs} epochs, {early}")
    _head(console)
    try:
        with _progress(console) as progress, closing(run(training, folder)) as epochs:
            task = progress.add_task("", total=training.epochs, lead="")
            for saved in epochs:
                for note in saved.notes:
                    console.print(note)
                rows[saved.number] = saved.metrics
                leads = best(rows, training.task) == saved.number
                _line(console, training, saved.number, saved.metrics, leads)
                if saved.number not in trained:
                    tracker.epoch(folder.name, saved.number, saved.metrics, saved.checkpoint, leads)
                top = best(rows, training.task)
                lead = f"best {metric} {score(rows[top][metric])} at epoch {top}"
                progress.update(task, completed=saved.number, lead=lead)
        reason = stalled(rows, training.task, training.patience)
    except Diverged as error:
        state, reason, code = "diverged", str(error), FAILED
    except KeyboardInterrupt:
        state, reason, code = "abandoned", "interrupted by Ctrl-C", INTERRUPTED
    _print_end(console, training, folder, rows, state, reason, time.monotonic() - began)
    tracker.trial_ended(folder.name, state, reason, {})
    tracker.close()
    for note in tracker.notes():
        console.print(note, soft_wrap=True)
    if code:
        raise SystemExit(code)


def _folder(
    parent: Path, container: Mapping[str, Any], training: TrainConfig
) -> tuple[Path, set[int]]:
    """Return the newest folder if it has this training unfinished, else a new one; its epochs."""
    from trainers.files import history

    try:
        parent.mkdir(parents=True, exist_ok=True)
        folders = sorted(path for path in parent.iterdir() if path.name.isdigit())
        if folders:
            newest = folders[-1]
            rows = history.read(newest / "metrics.csv")
            unfinished = 0 < max(rows, default=0) < training.epochs and not history.stalled(
                rows, training.task, training.patience
            )
            if unfinished and _same(newest / "config.yaml", container):
                return newest, set(rows)
        fresh = parent / f"{int(folders[-1].name) + 1 if folders else 1:04d}"
        fresh.mkdir()
    except OSError as error:
        raise ConfigError(
            f"results={parent.parent} cannot be written ({error.strerror}): name another folder"
        ) from None
    return fresh, set()


def _same(path: Path, container: Mapping[str, Any]) -> bool:
    try:
        return bool(OmegaConf.to_container(OmegaConf.load(path)) == dict(container))
    except OSError:
        return False


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    """Show a live bar in a terminal, the lines alone elsewhere."""
    with Progress(
        TextColumn("epoch"),
        MofNCompleteColumn(),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[lead]}"),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        yield progress


def _head(console: Console) -> None:
    console.print(f"epoch{''.join(f'{column:>{_WIDTH}}' for column in _COLUMNS)}", style="bold")


def _line(
    console: Console, training: TrainConfig, epoch: int, metrics: Mapping[str, float], leads: bool
) -> None:
    cells = []
    for column in _COLUMNS:
        value = metrics.get(column)
        text = "" if value is None else _figure(column, value)
        if column == training.task.metric and leads:
            text += "*"
        cells.append(f"{text:>{_WIDTH}}")
    console.print(f"{epoch:>5}{''.join(cells)}")


def _figure(column: str, value: float) -> str:
    if column == "samples_per_s":
        return f"{value:,.0f}"
    return number(value) if column == "lr" else score(value)


def _print_end(
    console: Console,
    training: TrainConfig,
    folder: Path,
    rows: dict[int, dict[str, float]],
    state: str,
    reason: str,
    seconds: float,
) -> None:
    from trainers.files.history import best

    line = f"{len(rows)} epochs in {duration(seconds)}"
    if rows:
        top = best(rows, training.task)
        metric = training.task.metric
        line += f", best {metric} {score(rows[top][metric])} at epoch {top}"
    console.print(f"\n{line}" + (f" ({reason})" if reason else ""), soft_wrap=True)
    console.print(
        f"every epoch's checkpoint, config.yaml, metrics.csv: {folder}",
        soft_wrap=True,
    )
    if state == "abandoned" and rows:  # one that has diverged would diverge again
        console.print("the same command goes on from the last epoch")


def main() -> None:
    """Let Hydra compose the command line, and train what it describes."""
    for config in cli.composed(multirun=False):
        with cli.refusals():
            train(config)


if __name__ == "__main__":
    main()
