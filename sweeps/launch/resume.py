"""Resume or extend a sweep from its record, of which only some keys may be given anew."""

from __future__ import annotations

import re
from collections.abc import Sequence
from inspect import signature
from pathlib import Path

from omegaconf import OmegaConf

from sweeps import results_folder
from sweeps.backend.ray_session import Ray, session
from sweeps.checked.check import check
from sweeps.config.composition import compose
from sweeps.config.keys import dotted, exists
from sweeps.config.overrides import key_of, replaced
from sweeps.config.schema import Kind, SweepConfig, is_of, keys_of
from sweeps.config.trusted_targets import Origin
from sweeps.driver.budget import Spent
from sweeps.formatting import command
from sweeps.launch.begin import connect, fetch
from sweeps.launch.session import run
from sweeps.repeats.plan import stand
from sweeps.repeats.settings import Repeats
from sweeps.study.open import open_study
from sweeps.transfer.gather import gather
from trainers.config.targets import locate
from trainers.errors import ConfigError

_BUDGET = re.compile(r"budget\.(trials|hours|gpu_hours|epochs|stalled)=\+(\d+(?:\.\d+)?)")


def resume_sweep(results: Path, name: str, given: Sequence[str], ray: Ray = session) -> int | str:
    """Run another session of a sweep; returns the exit code, or a message if it is finished."""
    folder = results_folder.find(results, name)
    recorded = results_folder.read_sweep(folder)
    overrides = merge(recorded["overrides"], given, recorded["config"]["budget"])
    with compose(overrides, Origin.read(folder.path, given)) as composition:
        sweep = check(composition)
        _refuse_changes(recorded["config"], sweep.config)
        place = sweep.shared or folder.study
        study = open_study(place, sweep.objective, sweep.space, sweep.name, False, sweep.further)
        if not study.fed and (transfer := gather(sweep)).data:
            study.feed(transfer.trials)  # the last session was killed before it was fed
        done = all(trial.state.ended for trial in study.trials)
        gpus = float(sweep.resources["gpu"] or 0.0)  # None until a cluster is there
        searched = [trial for trial in study.trials if trial.repeat_of is None]
        search_s = study.wall_s - study.repeats_s
        spent = Spent.on_record(searched, search_s, gpus, sweep.objective)
        over = sweep.budget.over(spent)
        repeats = stand(sweep.repeats, study.trials, sweep.objective, sweep.training.seed)
        finished = done and repeats.over and (over or sweep.enough(searched))
        if finished and folder.summary.is_file():  # else it was killed before it wrote its results
            more = sweep.extension(searched, sweep.budget.extension(spent))
            repeated = f", and {n} repeats" if (n := len(study.trials) - len(searched)) else ""
            study.close()
            finished = f"{name} is finished: {over or f'{len(searched)} trials'}{repeated}."
            if more:
                return f"{finished} For more:\n{command('extend', name, results, more)}\n"
            return f"{finished} It has tried all that its space has: widen the space for more.\n"
        fingerprint = fetch(sweep)
        if fingerprint != recorded["data"]:
            raise ConfigError(
                f"the data is not what {name} was begun with: put the same back, or begin a new "
                "sweep with name=…"
            )
        results_folder.write_sweep(folder, sweep.config, composition.overrides, fingerprint)
        with connect(sweep, ray) as cluster:
            cluster.check_folder(folder.path.resolve())
            return run(sweep, folder, study, cluster)


def merge(
    recorded: Sequence[str], given: Sequence[str], budget: dict[str, float | None]
) -> list[str]:
    """Replace overrides of a sweep on record by those given now; refuse what it must keep.

    Args:
        budget: the limits on record, to which budget.trials=+20 adds.

    Raises:
        ConfigError: a key that changes decisions of the sweep, or no limit to be raised.
    """
    fresh = []
    for word in given:
        if not is_of(Kind.ON_RESUME, key_of(word)):
            raise ConfigError(
                f"{word}: a sweep that has begun keeps its {key_of(word)}; begin another with "
                f"name=… (here may be given: {', '.join(keys_of(Kind.ON_RESUME))})"
            )
        if word.startswith("budget.target=+"):
            raise ConfigError(
                f"{word}: a target is a value of the objective, not to be added to: give the new "
                "one, budget.target=0.99, or null for none"
            )
        if match := _BUDGET.fullmatch(word):
            kind, more = match.groups()
            before = budget.get(kind)
            if before is None:
                raise ConfigError(f"{word}: the sweep has no limit of {kind} that could be raised")
            total = before + float(more)
            word = f"budget.{kind}={int(total) if total == int(total) else total}"
        fresh.append(word)
    if any(word.startswith("repeats.") for word in fresh):  # which Hydra refuses beside repeats=3
        recorded = [re.sub(r"^repeats=(\d+)$", r"repeats.runs=\1", word) for word in recorded]
    return replaced(recorded, fresh)


def _refuse_changes(before: dict[str, object], now: dict[str, object]) -> None:
    """Refuse to resume if conf/ has changed since: the rest would be a different sweep."""
    for key in keys_of(Kind.OF_SPACE):
        if (before.get(key) or None) != (now.get(key) or None):
            raise ConfigError(
                f"conf/ has changed since this sweep began: {key} was {before.get(key)}, and is "
                f"{now.get(key)} now; put it back, or begin a new sweep with name=…"
            )
    was_runs, runs = (Repeats.read(config.get("repeats")).runs for config in (before, now))
    if was_runs != runs:
        raise ConfigError(
            f"conf/ has changed since this sweep began: repeats.runs was {was_runs}, and is {runs} "
            "now; put it back, or begin a new sweep with name=…"
        )
    compared = (*keys_of(Kind.OF_SPACE), "repeats")
    old = OmegaConf.create({key: value for key, value in before.items() if key not in compared})
    new = OmegaConf.create({key: value for key, value in now.items() if key not in compared})
    for key in sorted({*dotted(old), *dotted(new)}):
        if is_of(Kind.ON_RESUME | Kind.NO_DECISION, key):
            continue
        was, has = OmegaConf.select(old, key), OmegaConf.select(new, key)
        if was != has and (exists(old, key) or has != _default(now, key)):
            raise ConfigError(
                f"conf/ has changed since this sweep began: {key} was {was}, and is {has} now; "
                "put it back, or begin a new sweep with name=…"
            )


def _default(config: dict[str, object], key: str) -> object:
    """Return the default of a setting, in its group's target or in the schema; None if none.

    A setting that was added after the sweep began changes nothing while it has its default.
    """
    group, _, name = key.partition(".")
    node = config.get(group)
    if not isinstance(node, dict) or "_target_" not in node:
        return OmegaConf.select(OmegaConf.structured(SweepConfig), key, throw_on_missing=False)
    parameter = signature(locate(group, node)).parameters.get(name)
    return None if parameter is None or parameter.default is parameter.empty else parameter.default
