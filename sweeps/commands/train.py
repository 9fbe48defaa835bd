"""Train one model and show each epoch: `make train`.

The configuration is that of a sweep, without a search. Each call trains in a folder of its own,
`results/train/<number>`; a call with the configuration of an unfinished training resumes it, and
`epochs=+4` trains the last one of this configuration for four more epochs.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

from omegaconf import DictConfig
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from sweeps import cli
from sweeps.cli import FAILED, INTERRUPTED, terminal
from sweeps.commands import train_folder
from sweeps.config.overrides import assignments
from sweeps.config.unasked_groups import refuse_unasked
from sweeps.config.unknown_keys import refuse_unknown_keys
from sweeps.console.text_tables import section
from sweeps.formatting import GAP, command, duration, number, score
from sweeps.study.url import shared
from sweeps.tracking import Tracker
from trainers.config import TrainConfig, refuse_idle, typed
from trainers.config.targets import instantiate
from trainers.errors import ConfigError, Diverged

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
    from trainers.files.history import best, stalled
    from trainers.run import run

    fingerprint = _check(config)
    console = terminal()
    place = train_folder.choose(config, more, fingerprint)
    training, folder, trained = place.training, place.path, place.trained
    tracker: Tracker = instantiate(
        "track", place.container["track"], name="train", uid=place.id, folder=folder
    )
    tracker.trial_started(folder.name, place.container, len(trained))
    rows: dict[int, dict[str, float]] = {}
    metric = training.task.metric
    began = time.monotonic()
    state, reason, code = "complete", "", 0
    _print_head(console, place)
    try:
        with (
            _progress(console) as progress,
            closing(run(training, folder, owner=place.id)) as epochs,
        ):
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
    _print_end(console, place, rows, state, reason, time.monotonic() - began)
    if state == "abandoned" and rows:  # one that has diverged would diverge again
        again = f"with epochs={training.epochs} the same" if more else "the same"
        console.print(f"{again} command goes on from the last epoch")
    tracker.trial_ended(folder.name, state, reason, {})
    tracker.close()
    for note in tracker.notes():
        console.print(note, soft_wrap=True)
    if code:
        raise SystemExit(code)


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


def _print_head(console: Console, place: train_folder.TrainFolder) -> None:
    from trainers.data import data_fraction

    if place.trained:
        console.print(f"{place.path}: going on after epoch {max(place.trained)}", soft_wrap=True)
    if early := data_fraction.describe(place.training.first):
        console.print(f"of {place.training.epochs} epochs, {early}")
    columns = _columns(place.training)
    console.print(f"epoch{''.join(f'{column:>{_WIDTH}}' for column in columns)}", style="bold")


def _columns(training: TrainConfig) -> tuple[str, ...]:
    """List the metrics that are shown of each epoch: the objective, if it is none of the losses."""
    metric = training.task.metric
    usual = "val_accuracy" if training.task.of_classes else "val_r2"
    shown = usual if metric in ("lr", "samples_per_s") or metric.endswith("_loss") else metric
    return ("train_loss", "val_loss", shown, "lr", "samples_per_s")


def _line(
    console: Console, training: TrainConfig, epoch: int, metrics: Mapping[str, float], leads: bool
) -> None:
    cells = []
    for column in _columns(training):
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
    place: train_folder.TrainFolder,
    rows: dict[int, dict[str, float]],
    state: str,
    reason: str,
    seconds: float,
) -> None:
    from trainers.files.history import best

    line = f"{len(rows)} epochs in {duration(seconds)}"
    if rows:
        top = best(rows, place.training.task)
        metric = place.training.task.metric
        line += f", best {metric} {score(rows[top][metric])} at epoch {top}"
    console.print(f"\n{line}" + (f" ({reason})" if reason else ""), soft_wrap=True)
    console.print(
        f"every epoch's checkpoint, config.yaml, metrics.csv: {place.path}",
        soft_wrap=True,
    )
    if state == "complete":
        _print_test(console, place, rows)


def _print_test(
    console: Console, place: train_folder.TrainFolder, rows: Mapping[int, Mapping[str, float]]
) -> None:
    """Measure the best epoch on the test part, this once, and say what can be done with it."""
    from trainers.files.checkpoints import load
    from trainers.files.history import best
    from trainers.fit import evaluate

    training, folder = place.training, place.path
    trust = assignments({"trust": given}) if (given := place.container["trust"]) else []
    top = best(rows, training.task)
    with console.status("evaluating the best epoch"):
        test = evaluate(training, load(folder / f"epoch_{top:03d}"))
    lines: list[Text] = []
    if test:
        lines += section("On the test part", f"with the checkpoint of epoch {top}")
        lines.append(Text(GAP.join(f"{metric} {score(value)}" for metric, value in test.items())))
    lines += section("Next")
    for target, what in (
        ("diagnose", "what it takes for what, in tables and pictures"),
        ("predict", "its answers for the test part, in submission.csv"),
    ):
        about = command(target, train=folder.name, results=folder.parent.parent, words=trust)
        lines.append(Text.assemble((about, "cyan"), f"{GAP}{what}"))
    for line in lines:
        console.print(line, soft_wrap=True)


def _check(config: DictConfig) -> str:
    """Check all that can be checked before a folder is made, the data and the model included.

    Returns:
        The fingerprint of the data.
    """
    from trainers.data.resident import prepare
    from trainers.model_and_data import untrained

    refuse_unknown_keys(config)
    shared(config.study)  # whose password would be recorded
    training = typed(config)
    refuse_idle(training)
    fingerprint = prepare(training.data).fingerprint
    untrained(training)
    return fingerprint


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
    for config in cli.composed(None):
        with cli.refusals():
            refuse_unasked(sys.argv[1:], typed(config))
            train(config, more)


if __name__ == "__main__":
    main()
