"""Diagnose a configuration or a sweep's best model: `make diagnose`.

With overrides: three checks of a configuration before it is trained, written to
results/diagnose/<number>. With a sweep's name: an analysis of its best model, or with compare=
its trials by the values of a swept key, written to results/<sweep>/diagnosis.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from omegaconf import OmegaConf
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from sweeps import results_folder
from sweeps.cli import options_of, refusals, terminal, use_plugins
from sweeps.commands import train_folder
from sweeps.commands.other_data import of_other_data
from sweeps.config.composition import compose
from sweeps.config.keys import plain
from sweeps.config.overrides import split
from sweeps.config.recorded_training import read_training
from sweeps.config.swept_space import refuse_unapplied
from sweeps.config.trusted_targets import Origin
from sweeps.config.unasked_groups import refuse_unasked
from sweeps.config.unknown_keys import refuse_unknown_keys
from sweeps.formatting import command, score
from sweeps.report.comparison import compare
from sweeps.results_folder import Folder
from trainers.config import Device, TrainConfig, typed
from trainers.errors import ConfigError, CorruptCheckpoint
from trainers.nearest_names import unknown

if TYPE_CHECKING:
    from trainers.diagnosis.confusion_matrix import Quality
    from trainers.diagnosis.first_loss import FirstLoss, FirstLossOfNumbers
    from trainers.diagnosis.lr_range import LrRange
    from trainers.diagnosis.overfit import Overfit
    from trainers.diagnosis.predicted_numbers import PredictedNumbers
    from trainers.diagnosis.trained_model import Diagnosis

#: Options beside a sweep's name: how the hidden layer is drawn, a swept key whose values are drawn
#: side by side instead, the folder of all sweeps, packages whose classes it may name.
DEFAULTS = {"hidden": "pca", "compare": "", "results": "results", "trust": ""}


class _Finding(Protocol):
    """Describes the result of a check."""

    @property
    def ok(self) -> bool: ...

    @property
    def verdict(self) -> str: ...

    @property
    def advice(self) -> str: ...


_F = TypeVar("_F", bound=_Finding)


def check(overrides: Sequence[str]) -> None:
    """Make three checks of the training that these overrides describe, before it begins.

    Raises:
        ConfigError: a configuration that cannot be trained, or a folder that cannot be written.
    """
    with compose(overrides) as composition:
        for word in composition.overrides:
            if word not in composition.fixed:
                raise ConfigError(f"{word}: a diagnosis takes one value; make sweep tries several")
        refuse_unapplied(composition)
        refuse_unknown_keys(composition.base)
        container = plain(composition.base)
        config = typed(composition.base)
        refuse_unasked(composition.fixed, config)
    console = terminal()
    with console.status("loading PyTorch"):
        from trainers.data.resident import prepare
        from trainers.diagnosis import lr_range, overfit, pictures
        from trainers.diagnosis.first_loss import first_loss
        from trainers.files.tables import write_json, write_table
        from trainers.model_and_data import untrained

        prepare(config.data)
        untrained(config)  # what cannot be built is refused before a folder is made
    folder = results_folder.create_numbered(Path(config.results) / "diagnose")
    OmegaConf.save(OmegaConf.create(container), folder / "config.yaml")
    with _progress(console) as progress:
        first = _shown(progress, "first loss", 1, lambda advance: first_loss(config))
        batch = _shown(
            progress, "one batch", overfit.STEPS, lambda advance: overfit.overfit(config, advance)
        )
        steps = range(1, len(batch.losses) + 1)
        write_table(
            folder / "overfit.csv",
            ("step", "loss", "accuracy"),
            zip_longest(steps, batch.losses, batch.accuracies),
        )
        pictures.overfit(batch, folder / "overfit.png")
        rates = _shown(
            progress,
            "learning rates",
            lr_range.STEPS,
            lambda advance: lr_range.lr_range(config, advance),
        )
        write_table(
            folder / "lr_range.csv",
            ("lr", "loss", "smoothed"),
            zip(rates.rates, rates.losses, rates.smoothed, strict=True),
        )
        pictures.lr_range(rates, folder / "lr_range.png")
    write_json(folder / "summary.json", _summary(first, batch, rates))
    console.print(f"\ncurves, figures and config.yaml: {folder}", soft_wrap=True)


def _summary(
    first: FirstLoss | FirstLossOfNumbers, batch: Overfit, rates: LrRange
) -> dict[str, Any]:
    """Make the content of summary.json: the result of each check, and its figures."""
    figures: dict[str, tuple[_Finding, dict[str, object]]] = {
        "first_loss": (first, {**asdict(first), "uniform": first.uniform}),
        "overfit": (
            batch,
            {
                "examples": batch.examples,
                "classes": batch.classes,
                "lr": batch.lr,
                "steps": len(batch.losses),
                "loss": batch.losses[-1],
                "accuracy": batch.accuracies[-1] if batch.accuracies else None,
            },
        ),
        "lr_range": (
            rates,
            {
                "configured": rates.configured,
                "steepest": rates.steepest,
                "largest": rates.largest,
            },
        ),
    }
    return {
        name: {"ok": check.ok, "verdict": check.verdict, "advice": check.advice, **values}
        for name, (check, values) in figures.items()
    }


def best_of(name: str, given: Mapping[str, str]) -> None:
    """Analyse the best model of a sweep, or that of a training.

    Raises:
        ConfigError: no such sweep, no best model in it, a damaged checkpoint, a wrong option.
    """
    options = {**DEFAULTS, **given}
    if options["hidden"] not in ("pca", "tsne"):
        raise ConfigError(f"hidden={options['hidden']} must be pca or tsne: hidden=pca")
    console = terminal()
    with console.status("loading PyTorch") as status:
        from trainers.diagnosis.trained_model import diagnose

        model = _model(name, options)
        seen = diagnose(
            model.config,
            model.state,
            model.folder / "diagnosis",
            model.training,
            options["hidden"],
            lambda doing: status.update(doing),
        )
    if model.warning:
        console.print(model.warning, style="yellow", soft_wrap=True)
    for line in lines(seen):
        console.print(line, soft_wrap=True)
    pictures = [path.name for path in seen.files if path.suffix == ".png"]
    diagnosis = model.folder / "diagnosis"
    console.print(f"\n{', '.join(pictures)}: {diagnosis}", soft_wrap=True)


@dataclass(frozen=True)
class _Model:
    """Holds a trained model.

    Attributes:
        folder: folder of its sweep, or of its training by itself.
        training: folder of its training, if it is known.
        warning: that the data are others by now; empty if they are not.
    """

    config: TrainConfig
    state: Mapping[str, Any]
    folder: Path
    training: Path | None
    warning: str = ""


def _model(name: str, options: Mapping[str, str]) -> _Model:
    """Load the best model of a sweep, or of a training, train/0003."""
    results = Path(options["results"])
    if train_folder.is_training(name):
        one = train_folder.find(results, name, options["trust"])
        return _Model(one.training, _state(one.checkpoint, one.path), one.path, one.path)
    folder = results_folder.find(results, name)
    trust = [f"trust={options['trust']}"] if options["trust"] else []
    origin = Origin.read(folder.path, trust)
    config, state = _config(folder, origin, trust), _state(_best(folder), folder.trials)
    return _Model(config, state, folder.path, _trial(folder), of_other_data(folder, origin))


def compared(name: str, key: str, results: str) -> None:
    """Draw a sweep's trials by the values of a key, side by side.

    Raises:
        ConfigError: no such sweep, or a key that cannot be compared.
    """
    if train_folder.is_training(name):
        raise ConfigError(
            f"compare={key} is for the trials of a sweep, SWEEP=…; {name} is one training"
        )
    folder = results_folder.find(Path(results), name)
    console = terminal()
    with console.status("drawing"):
        drawn = compare(folder, key)
    for line in drawn.lines:
        console.print(line, soft_wrap=True)
    console.print(f"\n{drawn.picture.name}: {drawn.picture.parent}", soft_wrap=True)


def lines(seen: Diagnosis) -> list[Text]:
    """Write lines about a model: its quality, and what it gets most wrong."""
    from trainers.diagnosis.predicted_numbers import PredictedNumbers

    if isinstance(seen.quality, PredictedNumbers):
        text = _of_numbers(seen.quality)
    else:
        text = _of_classes(seen.quality)
    return text + [Text(note, "yellow") for note in seen.notes]


def _of_numbers(quality: PredictedNumbers) -> list[Text]:
    """Write lines about the numbers that a model predicts."""
    width = max(6, *map(len, quality.names))
    text = [
        Text(f"On the {len(quality.true):,} examples of the validation part", "bold"),
        Text(f"{'number':<{width}}        R2  mean absolute error  mean error", "dim"),
    ]
    for k, name in enumerate(quality.names):
        r2, mae, bias = (float(each[k]) for each in (quality.r2, quality.mae, quality.bias))
        text.append(Text(f"{name:<{width}}  {r2:>8.4f}  {score(mae):>19}  {score(bias):>10}"))
    text += [Text(""), Text("Largest errors", "bold")]
    for example, k in quality.worst():
        true, made = float(quality.true[example, k]), float(quality.predicted[example, k])
        name = quality.names[k]
        text.append(Text(f"example {example}: {name} {score(true)}, predicted {score(made)}"))
    return text


def _of_classes(quality: Quality) -> list[Text]:
    rarest, rare_f1 = quality.rarest()
    width = max(5, *map(len, quality.classes))
    text = [
        Text.assemble(
            (f"accuracy {score(quality.accuracy)}, macro F1 {score(quality.macro_f1)}", "bold"),
            f" on the {int(quality.counts.sum()):,} examples of the validation part",
        ),
        Text(f"F1 of the rarest classes ({', '.join(rarest)}): {score(rare_f1)}"),
        Text(""),
        Text("Worst classes", "bold"),
        Text(f"{'class':<{width}}      F1  precision  recall  examples", "dim"),
    ]
    for label in quality.worst():
        precision = quality.precision[label]
        text.append(
            Text(
                f"{quality.classes[label]:<{width}}  {quality.f1[label]:>6.4f}"
                f"  {'-' if precision != precision else f'{precision:.4f}':>9}"
                f"  {quality.recall[label]:>6.4f}  {quality.support[label]:>8,}"
            )
        )
    text += [Text(""), Text("Most frequent mistakes", "bold")]
    mistakes = quality.confusions()
    for c in mistakes:
        text.append(
            Text(f"{c.true} taken for {c.predicted}: {c.count:,} ({c.share:.1%} of {c.true})")
        )
    if not mistakes:
        text.append(Text("none"))
    return text


def _config(folder: Folder, origin: Origin, trust: Sequence[str]) -> TrainConfig:
    path = folder.path / "best" / "config.yaml"
    if not path.is_file():
        raise ConfigError(
            f"{folder.path} has no best model: no trial in it has ended; let one end, "
            f"{command('resume', folder.path.name, folder.path.parent, trust)}"
        )
    config = read_training(path, origin)
    config.device = Device.auto  # of this machine, which may be another than the sweep's
    return config


def _best(folder: Folder) -> Path:
    """Return the checkpoint of a sweep's best model."""
    from trainers.files.checkpoints import saved

    checkpoints = saved(folder.path / "best")
    if not checkpoints:
        raise ConfigError(f"{folder.path / 'best'} has no checkpoint (epoch_NNN): it was removed")
    return checkpoints[max(checkpoints)]


def _state(checkpoint: Path, others: Path) -> dict[str, Any]:
    from trainers.files.checkpoints import load

    try:
        return load(checkpoint)
    except CorruptCheckpoint as error:
        raise ConfigError(
            f"the best model cannot be loaded: {error}; other epochs are in {others}"
        ) from error


def _trial(folder: Folder) -> Path | None:
    """Return the folder of the trial that trained the best model; None if no summary names it."""
    try:
        summary = json.loads((folder.path / "summary.json").read_text(encoding="utf-8"))
        trial = folder.trials / str(summary["best"]["trial"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return trial if trial.is_dir() else None


def _shown(
    progress: Progress, name: str, steps: int, run: Callable[[Callable[[int], object]], _F]
) -> _F:
    """Run a check under a progress bar, and print its result."""
    bar = progress.add_task(name, total=steps)
    result = run(lambda step: progress.update(bar, completed=step))
    progress.remove_task(bar)
    mark = ("ok  ", "green") if result.ok else ("!   ", "bold yellow")
    progress.console.print(Text.assemble(mark, result.verdict), soft_wrap=True)
    if result.advice:
        progress.console.print(Text(f"    {result.advice}"), soft_wrap=True)
    return result


def _progress(console: Console) -> Progress:
    """Make a progress bar with the remaining time, for a terminal; none elsewhere."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


def main() -> None:
    """Read the command line of `make diagnose`."""
    use_plugins()
    with refusals():
        names, rest = split(sys.argv[1:])
        if not names:
            for word in rest:
                if word.startswith(("hidden=", "compare=")):
                    raise ConfigError(
                        f"{word} concerns a trained model: name its sweep, "
                        f'make diagnose SWEEP=quickstart ARGS="{word}", or a training, TRAIN=0001'
                    )
            check(rest)
            return
        if len(names) > 1:
            raise ConfigError(f"{', '.join(names)}: name one sweep, make diagnose SWEEP={names[0]}")
        given = options_of(rest)
        for key, value in given.items():
            if key not in DEFAULTS:
                raise ConfigError(unknown("option", f"{key}={value}", key, list(DEFAULTS)))
        if "compare" in given:
            if "hidden" in given:
                raise ConfigError("hidden= and compare= draw different pictures: give one of them")
            compared(names[0], given["compare"], given.get("results", DEFAULTS["results"]))
            return
        best_of(names[0], given)


if __name__ == "__main__":
    main()
