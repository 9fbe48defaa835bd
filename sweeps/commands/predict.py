"""Predict the test part with a sweep's best models, or a training's: `make predict`.

`python -m sweeps.commands.predict SWEEP [top=5] [labels=index] [header=Id,Class] [results=…]`
writes results/<sweep>/submission.csv, with a row for each example in the order of the data. With
train/0003 in the place of a sweep, the model of that `make train` predicts.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import track

from sweeps import results_folder
from sweeps.cli import one_sweep, refusals, terminal
from sweeps.commands import other_data, train_folder
from sweeps.config.recorded_training import read_training
from sweeps.config.trusted_targets import Origin
from sweeps.formatting import score
from sweeps.results_folder import Folder
from trainers.config import Mode, TrainConfig
from trainers.errors import ConfigError, CorruptCheckpoint
from trainers.files.whole_file import write_whole

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.predict import Pick

#: Options: number of best trials that vote, names or indices of classes, the header ("id,label", or
#: id and the numbers that are predicted), the folder, packages whose classes it may name.
DEFAULTS = {
    "top": "1",
    "labels": "name",
    "header": "",
    "results": "results",
    "trust": "",
}


@dataclass(frozen=True)
class Voter:
    """Describes a trial at its best epoch, whose model votes."""

    trial: str
    value: float
    config: TrainConfig
    checkpoint: Path


def predict(name: str, given: Mapping[str, str]) -> None:
    """Write the submission of a sweep, or of a training.

    Raises:
        ConfigError: no such sweep or training, a wrong option, or a missing checkpoint.
    """
    options = {**DEFAULTS, **given}
    if options["labels"] not in ("name", "index"):
        raise ConfigError(f"labels={options['labels']} must be name or index: labels=index")
    console = terminal()
    with console.status("loading PyTorch"):
        from trainers.data.resident import load

        folder, voters, warning = _voters(name, options)
        dataset = load(voters[0].config.data)
    if dataset.numbers is not None and given.get("labels"):
        raise ConfigError(f"labels={options['labels']}: numbers are predicted, leave it out")
    columns = ("label",) if dataset.numbers is None else dataset.numbers.names
    header = options["header"].split(",") if options["header"] else ["id", *columns]
    if len(header) != 1 + len(columns) or not all(header):
        raise ConfigError(
            f"header={options['header']} must name {1 + len(columns)} columns: "
            f"header=id,{','.join(columns)}"
        )
    metric = voters[0].config.task.metric
    if warning:
        console.print(warning, style="yellow", soft_wrap=True)
    console.print(
        f"best of {name}: {', '.join(f'{v.trial} ({metric} {score(v.value)})' for v in voters)}",
    )
    mean = _mean(voters, "validation part", lambda d: d.valid, console)
    truth = _targets(dataset.valid)
    who = "the model" if len(voters) == 1 else f"the {len(voters)} together"
    made = _mean(voters, "test part", lambda d: d.test, console)
    path = folder / "submission.csv"
    if dataset.numbers is not None:
        off = (mean - dataset.numbers.restored(truth)).abs().mean(0).tolist()
        errors = (f"{n} {score(e)}" for n, e in zip(dataset.numbers.names, off, strict=True))
        console.print(f"mean absolute error of {who}, validation: {', '.join(errors)}")
        _write(path, header, made.tolist())
        kind = "in their own units"
    else:
        accuracy = score(float((mean.argmax(1) == truth).double().mean()))
        console.print(f"validation accuracy of {who}: {accuracy}")
        answers = made.argmax(1).tolist()
        named = options["labels"] == "name"
        _write(path, header, [[dataset.classes[a] if named else a] for a in answers])
        kind = f"labels by {options['labels']}"
    console.print(f"{len(made):,} rows ({', '.join(header)}), {kind}: {path}", soft_wrap=True)


def _voters(name: str, options: Mapping[str, str]) -> tuple[Path, list[Voter], str]:
    """Find the folder of a sweep or a training, the models that vote, and a warning, or none."""
    count, results = _count(options["top"]), Path(options["results"])
    if train_folder.is_training(name):
        if count != 1:
            raise ConfigError(f"top={count}: {name} is one training, of one model: leave top out")
        one = train_folder.find(results, name, options["trust"])
        voter = Voter(f"epoch {one.epoch}", one.value, one.training, one.checkpoint)
        return one.path, [voter], other_data.than_of_training(one.path, one.training.data)
    folder = results_folder.find(results, name)
    origin = Origin.read(folder.path, [f"trust={options['trust']}"])
    return folder.path, best(folder, count, origin), other_data.than_of_sweep(folder, origin)


def best(folder: Folder, count: int, origin: Origin | None = None) -> list[Voter]:
    """List the best trials of a sweep that has ended or was interrupted, the best first.

    Args:
        origin: what of the folder is trusted; None: nothing but what conf/ has.

    Raises:
        ConfigError: the sweep has no results yet, or fewer trials than `count`.
    """
    origin = origin or Origin(folder.path)
    config = results_folder.read_sweep(folder)["config"]
    metric, mode = config["task"]["metric"], Mode[config["task"]["mode"]]
    table = folder.path / "trials.csv"
    if not table.is_file():
        raise ConfigError(f"{folder.path} has no trials.csv: let the sweep end, or interrupt it")
    with table.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["state"] in ("complete", "stopped")]
    # Repeats are not ranked: they decide the winner, which the summary names.
    rows = [row for row in rows if row.get(metric) and not row.get("repeat_of")]
    if len(rows) < count:
        raise ConfigError(f"top={count}: {folder.path} has {len(rows)} trials with a score")
    sign = -1 if mode is Mode.max else 1
    winner = _winner(folder)
    rows.sort(key=lambda row: (row["id"] != winner, sign * float(row[metric]), row["id"]))
    return [
        Voter(
            row["id"],
            float(row[metric]),
            read_training(folder.trials / row["id"] / "config.yaml", origin),
            folder.checkpoint(row["id"], int(row["best_epoch"])),
        )
        for row in rows[:count]
    ]


def _winner(folder: Folder) -> str:
    """Return the trial that the sweep's summary names the best; empty if none."""
    summary = folder.summary
    best = json.loads(summary.read_text())["best"] if summary.is_file() else None
    return "" if best is None else str(best["trial"])


def _mean(voters: Sequence[Voter], what: str, pick: Pick, console: Console) -> Tensor:
    """Return the mean predictions of the voters, (examples, classes or numbers)."""
    from trainers.predict import mean, predictions

    shown = track(voters, what, console=console, disable=not console.is_terminal, transient=True)
    return mean(predictions(voter.config, _state(voter), pick) for voter in shown)


def _state(voter: Voter) -> dict[str, Any]:
    from trainers.files.checkpoints import load

    try:
        return load(voter.checkpoint)
    except CorruptCheckpoint as error:
        raise ConfigError(f"{voter.trial} cannot vote: {error}") from error


def _targets(part: Any) -> Tensor:
    """Return the targets of a part in its order: labels (N,), or numbers (N, K)."""
    import torch

    indices = torch.arange(len(part))
    return torch.cat([part.batch(piece)[1] for piece in torch.split(indices, 65_536)])


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ConfigError(f"top={text} must be a whole number of 1 or more: top=5")
    return int(text)


def _write(path: Path, header: Sequence[str], answers: Sequence[Sequence[object]]) -> None:
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([number, *row] for number, row in enumerate(answers))
    write_whole(path, table.getvalue())


def main() -> None:
    """Read the command line of `make predict`."""
    with refusals():
        predict(*one_sweep("make predict SWEEP=quickstart, or TRAIN=0001", list(DEFAULTS)))


if __name__ == "__main__":
    main()
