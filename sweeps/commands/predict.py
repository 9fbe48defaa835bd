"""`python -m sweeps.commands.predict SWEEP [top=5] [labels=index] [header=Id,Class] [results=…]`.

Writes results/<sweep>/submission.csv: what the best model of a sweep, or the mean of its best
few, says of the test part, a row an example in the order of the data.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf
from rich.console import Console
from rich.progress import track

from sweeps import results_folder
from sweeps.cli import one_sweep, refusals
from sweeps.formatting import score
from sweeps.results_folder import Folder
from trainers.config import Mode, TrainConfig, typed
from trainers.errors import ConfigError, CorruptCheckpoint

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.predict import Pick

#: What may be given: how many of the best vote, names or indices of the classes, the first line.
DEFAULTS = {"top": "1", "labels": "name", "header": "id,label", "results": "results"}


@dataclass(frozen=True)
class Voter:
    """A trial at its best epoch, whose model is asked."""

    trial: str
    value: float
    config: TrainConfig
    checkpoint: Path


def predict(name: str, given: Mapping[str, str]) -> None:
    """Write the submission of a sweep.

    Raises:
        ConfigError: no such sweep, a wrong option, or a checkpoint that is gone.
    """
    options = {**DEFAULTS, **given}
    folder = results_folder.find(Path(options["results"]), name)
    voters = best(folder, _count(options["top"]))
    header = options["header"].split(",")
    if len(header) != 2 or not all(header):
        raise ConfigError(f"header={options['header']} must name two columns: header=id,label")
    if options["labels"] not in ("name", "index"):
        raise ConfigError(f"labels={options['labels']} must be name or index: labels=index")
    console = Console()
    with console.status("loading PyTorch"):
        from trainers.data.resident import load

        dataset = load(voters[0].config.data)
    metric = voters[0].config.task.metric
    console.print(
        f"best of {name}: {', '.join(f'{v.trial} ({metric} {score(v.value)})' for v in voters)}",
        highlight=False,
    )
    agreed = _ask(voters, "validation part", lambda d: d.valid, console)
    truth = _labels(dataset.valid)
    told = score(float((agreed.argmax(1) == truth).double().mean()))
    who = "the model" if len(voters) == 1 else f"the {len(voters)} together"
    console.print(f"validation accuracy of {who}: {told}", highlight=False)
    answers = _ask(voters, "test part", lambda d: d.test, console).argmax(1).tolist()
    named = options["labels"] == "name"
    path = folder.path / "submission.csv"
    _write(path, header, [dataset.classes[a] if named else a for a in answers])
    console.print(
        f"{len(answers):,} rows ({', '.join(header)}), labels by {options['labels']}: {path}",
        highlight=False,
        soft_wrap=True,
    )


def best(folder: Folder, count: int) -> list[Voter]:
    """The best trials of a sweep that has ended or was interrupted, the best first.

    Raises:
        ConfigError: there are no results yet, or fewer trials than asked for.
    """
    config = results_folder.read_sweep(folder)["config"]
    metric, mode = config["task"]["metric"], Mode[config["task"]["mode"]]
    table = folder.path / "trials.csv"
    if not table.is_file():
        raise ConfigError(f"{folder.path} has no trials.csv: let the sweep end, or interrupt it")
    with table.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["state"] in ("complete", "stopped")]
    # Repeats are not ranked; they name the winner, whom the summary has.
    rows = [row for row in rows if row.get(metric) and not row.get("repeat_of")]
    if len(rows) < count:
        raise ConfigError(f"top={count}: {folder.path} has {len(rows)} trials with a score")
    sign = -1 if mode is Mode.max else 1
    won = _winner(folder)
    rows.sort(key=lambda row: (row["id"] != won, sign * float(row[metric]), row["id"]))
    return [
        Voter(
            row["id"],
            float(row[metric]),
            typed(OmegaConf.load(folder.trials / row["id"] / "config.yaml")),  # type: ignore[arg-type]
            folder.checkpoint(row["id"], int(row["best_epoch"])),
        )
        for row in rows[:count]
    ]


def _winner(folder: Folder) -> str:
    """The trial that the end of the sweep named the best; empty if it named none."""
    summary = folder.summary
    best = json.loads(summary.read_text())["best"] if summary.is_file() else None
    return "" if best is None else str(best["trial"])


def _ask(voters: Sequence[Voter], what: str, pick: Pick, console: Console) -> Tensor:
    """(examples, classes) mean probabilities of the voters."""
    from trainers.predict import mean, probabilities

    shown = track(voters, what, console=console, disable=not console.is_terminal, transient=True)
    return mean(probabilities(voter.config, _state(voter), pick) for voter in shown)


def _state(voter: Voter) -> dict[str, Any]:
    from trainers.checkpoints import load

    try:
        return load(voter.checkpoint)
    except CorruptCheckpoint as error:
        raise ConfigError(f"trial {voter.trial} cannot be asked: {error}") from error


def _labels(part: Any) -> Tensor:
    """(N,) int64, in the order of the part."""
    import torch

    every = torch.arange(len(part))
    return torch.cat([part.batch(piece)[1] for piece in torch.split(every, 65_536)])


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ConfigError(f"top={text} must be a whole number of 1 or more: top=5")
    return int(text)


def _write(path: Path, header: Sequence[str], labels: Sequence[str | int]) -> None:
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(enumerate(labels))
    results_folder.write_whole(path, table.getvalue())


def main() -> None:
    """Read the command line."""
    with refusals():
        predict(*one_sweep("make predict SWEEP=quickstart", list(DEFAULTS)))


if __name__ == "__main__":
    main()
