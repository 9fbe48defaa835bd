"""Estimate what a stopping rule would have saved on a previous sweep, before the next one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.samplers import RandomSampler

from sweeps import results_folder
from sweeps.checked.sweep import Sweep
from sweeps.driver.budget import UNLIMITED
from sweeps.formatting import score
from sweeps.results_folder import Folder
from sweeps.search.samplers import Sampled
from sweeps.search.search import Setting
from sweeps.simulation import Recorded, baseline, read, simulate
from sweeps.stop import Asha, Never
from trainers.errors import ConfigError

#: Trials below which a replay says little.
_FEWEST = 5
_WORKERS = 2


def hindsight(sweep: Sweep) -> str:
    """Say what the sweep's stopping rule would have saved on the latest sweep of the same space.

    Its trials are replayed in their order; ASHA is tried if the sweep has no rule. Empty if there
    is no such sweep.
    """
    for folder in _latest(Path(sweep.config["results"])):
        try:
            if not _alike(results_folder.read_sweep(folder), sweep):
                continue
            source = read(folder, sweep.space, sweep.objective)
            if len(source.configurations) >= _FEWEST and not source.running:
                return _told(sweep, source, folder.path.name)
        except (ConfigError, KeyError):  # is damaged, or has no curve here
            continue
    return ""


def _latest(where: Path) -> Iterator[Folder]:
    found = [where / name for name in results_folder.sweep_names(where)]
    yield from map(Folder, sorted(found, key=lambda path: path.stat().st_mtime, reverse=True))


def _alike(recorded: Mapping[str, Any], sweep: Sweep) -> bool:
    """Whether a recorded sweep varied the same, in YAML and on its command line."""
    words = OverridesParser.create().parse_overrides(list(recorded["overrides"]))
    swept = {word.input_line for word in words if word.is_sweep_override()}
    same = recorded["config"]["space"] == sweep.config["space"]
    return same and swept == set(sweep.composition.swept)


def _told(sweep: Sweep, source: Recorded, name: str) -> str:
    points = source.configurations
    own = not isinstance(sweep.stop, Never)
    replayed = replace(
        sweep,
        search=Sampled(RandomSampler, Setting(sweep.space, points=points)),
        stop=sweep.stop if own else Asha(grace=1, factor=3, brackets=1),
        budget=replace(UNLIMITED, trials=len(points)),
        training=replace(sweep.training, epochs=source.epochs),
    )
    stopped = simulate(replayed, source, _WORKERS, seed=0)
    whole = baseline(replayed, source, _WORKERS, 0, len(points))
    if stopped.best is None or whole.best is None:
        return ""
    rule = sweep.choice("stop") if own else "asha"
    estimated = f" ({source.continued} curves continued by estimate)" if source.continued else ""
    return (
        f"stop={rule} would have trained {stopped.epochs:,} of the {whole.epochs:,} epochs of "
        f"{name}'s {len(points)} trials, and found {score(stopped.best)}; its best is "
        f"{score(whole.best)}{estimated}"
    )
