"""Train one model and show each epoch: `make train`.

The configuration is that of a sweep, without a search. Each call trains in a folder of its own,
`results/train/<number>`; a call with the configuration of an unfinished training resumes it, and
`epochs=+4` trains the last one of this configuration for four more epochs.
"""

from __future__ import annotations

import re
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import yaml
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
from trainers.files.whole_file import write_whole

#: Metrics that are shown of each epoch, where the trainer reports them, in this order.
_COLUMNS = ("train_loss", "val_loss", "val_accuracy", "lr", "samples_per_s")
_WIDTH = 14  # of a column: the five of them and the epoch are less than 80 wide


def train(config: DictConfig, more: int = 0) -> None:
    """Train one model, showing each epoch as it ends.

    Args:
        more: epochs for which the last training of this configuration goes on; its number of
            epochs is then the one on record. 0: a training by itself.

    Raises:
        ConfigError: a configuration that cannot be trained.
        SystemExit: it diverged (1), or was interrupted (130).
    """
    from trainers.data import data_fraction
    from trainers.data.resident import prepare
    from trainers.files import history
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
    parent = Path(training.results) / "train"
    if more:
        folder, before = _last(parent, config)
        config = _with_epochs(config, before + more)
        training, container = typed(config), plain(config)
        trained = set(history.read(folder / "metrics.csv"))
    else:
        folder, trained = _folder(parent, container, training)
    OmegaConf.save(OmegaConf.create(container), folder / "config.yaml")
    owner = _id(folder)
    tracker: Tracker = instantiate(
        "track", container["track"], sweep="train", uid=owner, folder=folder
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
        with _progress(console) as progress, closing(run(training, folder, owner=owner)) as epochs:
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
    if state == "abandoned" and rows:  # one that has diverged would diverge again
        again = f"with epochs={training.epochs} the same" if more else "the same"
        console.print(f"{again} command goes on from the last epoch")
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
            if unfinished and _recorded(newest / "config.yaml") == dict(container):
                return newest, set(rows)
        fresh = parent / f"{int(folders[-1].name) + 1 if folders else 1:04d}"
        fresh.mkdir()
    except OSError as error:
        raise ConfigError(
            f"results={parent.parent} cannot be written ({error.strerror}): name another folder"
        ) from None
    return fresh, set()


def _id(folder: Path) -> str:
    """Return the id of a training, unlike that of any other: made once, and kept in its folder."""
    path = folder / "id"
    if not path.is_file():
        write_whole(path, f"{secrets.token_hex(4)}\n")
    return path.read_text(encoding="utf-8").strip()


def _last(parent: Path, config: DictConfig) -> tuple[Path, int]:
    """Return the folder of the last training of a configuration, and its number of epochs.

    Raises:
        ConfigError: there is none.
    """
    folders = sorted(parent.iterdir()) if parent.is_dir() else []
    for folder in reversed([path for path in folders if path.name.isdigit()]):
        recorded = _recorded(folder / "config.yaml")
        epochs = recorded.get("epochs")
        if isinstance(epochs, int) and plain(_with_epochs(config, epochs)) == recorded:
            return folder, epochs
    raise ConfigError(
        f"epochs=+…: {parent} has no training of this configuration to go on with: give all of "
        "them, epochs=…"
    )


def _with_epochs(config: DictConfig, epochs: int) -> DictConfig:
    """Copy a configuration with another number of epochs, and all that depends on it."""
    copy = config.copy()
    copy.epochs = epochs
    return copy


def _recorded(path: Path) -> dict[str, Any]:
    """Read the configuration of a training; empty if there is none."""
    try:
        container = OmegaConf.to_container(OmegaConf.load(path))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        return {}
    return {str(k): v for k, v in container.items()} if isinstance(container, dict) else {}


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


def _more(words: list[str]) -> int:
    """Take `epochs=+4` off the words of a command line; returns 4, or 0 if it is not there.

    Raises:
        ConfigError: no number of epochs.
    """
    given = [word for word in words if word.startswith("epochs=+")]
    for word in given:
        words.remove(word)
        if not re.fullmatch(r"epochs=\+[1-9]\d*", word):
            raise ConfigError(f"{word}: give a number of further epochs, such as epochs=+4")
    return int(given[-1].partition("+")[2]) if given else 0


def main() -> None:
    """Let Hydra compose the command line, and train what it describes."""
    with cli.refusals():
        more = _more(sys.argv)
    for config in cli.composed(multirun=False):
        with cli.refusals():
            train(config, more)


if __name__ == "__main__":
    main()
