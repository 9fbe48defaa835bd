"""Resume or extend a sweep from its record, of which only some keys may be given anew."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from sweeps import results_folder
from sweeps.backend.claim import own_member
from sweeps.backend.early_ray import started_early
from sweeps.backend.ray_session import Ray, session
from sweeps.checked import trainable
from sweeps.checked.check import check
from sweeps.checked.sweep import Sweep
from sweeps.config.composition import compose
from sweeps.config.keys import dotted, exists, plain_value
from sweeps.config.overrides import key_of, replaced
from sweeps.config.schema import Kind, SweepConfig, is_of, keys_of
from sweeps.config.trusted_targets import Origin, words_of_trust
from sweeps.driver.budget import Spent
from sweeps.formatting import arguments, command
from sweeps.launch import more_epochs
from sweeps.launch.begin import connect, fetch
from sweeps.launch.session import run
from sweeps.repeats.plan import stand
from sweeps.repeats.settings import Repeats
from sweeps.results_folder import Folder
from sweeps.study.open import open_study
from sweeps.study.study import Study
from sweeps.transfer.gather import gather
from sweeps.trials import TrialRecord, tally
from trainers.config import complete
from trainers.config.hydra_grammar import written
from trainers.config.targets import locate
from trainers.errors import ConfigError

_BUDGET = re.compile(r"budget\.(trials|hours|gpu_hours|epochs|stalled)=\+(\d+(?:\.\d+)?)")


def resume_sweep(results: Path, name: str, given: Sequence[str], ray: Ray = session) -> int | str:
    """Run another session of a sweep; returns the exit code, or a message if it is finished."""
    own_member()  # refused now, not when it is needed
    folder = results_folder.find(results, name)
    recorded, grows = results_folder.read_sweep(folder), more_epochs.wanted(given)
    with _checked(folder, recorded, given) as sweep:
        study = _open(sweep, folder)
        if not study.fed and (transfer := gather(sweep)).data:
            study.feed(transfer.trials)  # the last session was killed before it was fed
        spent = _spent(sweep, study)
        longer = more_epochs.due(sweep, study)
        if over := sweep.budget.over(spent):
            if grows and longer:
                study.close()
                more = sweep.budget.extension(spent)
                raise ConfigError(
                    f"{over}, so no trial can go on: give more of it too, {arguments(more)}"
                )
        elif longer:
            of = f"{len(longer)} of {tally(study.trials).trials} trials"
            message = f"{of} go on, to {sweep.training.epochs} epochs"
            sweep = replace(sweep, messages=(*sweep.messages, message))
        if not longer and (finished := _finished(sweep, study, folder, spent)):
            study.close()
            return finished
        with started_early(ray, sweep.resources, sweep.at_once) as early:
            fingerprint = fetch(sweep)
            if fingerprint != recorded["data"]:
                raise ConfigError(
                    f"the data is not what {name} was begun with: put the same back, or begin a "
                    "new sweep with name=…"
                )
            composition = sweep.composition
            results_folder.write_sweep(
                folder, sweep.config, composition.overrides, fingerprint, composition.choices({})
            )
            with connect(sweep, early) as cluster:
                cluster.check_folder(folder.path.resolve())
                if longer and not over:
                    study.reopen(longer)
                    study.close()
                    study = _open(sweep, folder)
                return run(sweep, folder, study, cluster)


def require_resumable(results: Path, name: str, given: Sequence[str]) -> None:
    """Refuse what `resume_sweep` would, as far as it shows without the study and new data.

    Raises:
        ConfigError: what is wrong.
    """
    folder = results_folder.find(results, name)
    with _checked(folder, results_folder.read_sweep(folder), given) as sweep:
        trainable.check(sweep, proposes=False)


@contextmanager
def _checked(folder: Folder, recorded: Mapping[str, Any], given: Sequence[str]) -> Iterator[Sweep]:
    """Compose and check a sweep on record with the overrides given now, for a `with` block."""
    origin = Origin.read(folder.path, given)
    if grows := more_epochs.wanted(given):
        begun = more_epochs.as_begun(recorded["overrides"], origin)
        _refuse_changes(recorded["config"], begun.config)
    with compose(merge(recorded["overrides"], given, recorded["config"]), origin) as composition:
        sweep = check(composition)
        if not grows:
            _refuse_changes(recorded["config"], sweep.config)
        yield sweep


def _open(sweep: Sweep, folder: Folder) -> Study:
    place = sweep.shared or folder.study
    return open_study(place, sweep.objective, sweep.space, sweep.name, False, sweep.further)


def _spent(sweep: Sweep, study: Study) -> Spent:
    """Return what the search of a sweep has spent and found, by its record."""
    gpus = float(sweep.resources["gpu"] or 0.0)  # None until a cluster is there
    search_s = study.wall_s - study.repeats_s
    return Spent.on_record(_searched(study), search_s, gpus, sweep.objective)


def _searched(study: Study) -> list[TrialRecord]:
    return [trial for trial in study.trials if trial.repeat_of is None]


def _finished(sweep: Sweep, study: Study, folder: Folder, spent: Spent) -> str:
    """Say that a sweep is finished, and how it would go on; empty if it is not."""
    searched = _searched(study)
    over = sweep.budget.over(spent)
    repeats = stand(sweep.repeats, study.trials, sweep.objective, sweep.training.seed)
    done = all(trial.state.ended for trial in study.trials) and repeats.over
    if not done or not (over or sweep.enough(searched)) or not folder.summary.is_file():
        return ""  # without a summary it was killed before it wrote its results
    name, results = folder.path.name, folder.path.parent
    repeated = f", and {n} repeats" if (n := len(study.trials) - len(searched)) else ""
    finished = f"{name} is finished: {over or f'{tally(searched).trials} trials'}{repeated}."
    more = sweep.extension(searched, sweep.budget.extension(spent))
    extend = f"\n{command('extend', name, results, [*sweep.trust, *more])}\n"
    if not sweep.exhausted(searched):
        return f"{finished} For more:{extend}"
    everything = f"{finished} It has tried all that its space has"
    if more:
        return f"{everything}; its trials can train longer:{extend}"
    return f"{everything}: widen the space for more.\n"


def merge(recorded: Sequence[str], given: Sequence[str], config: Mapping[str, Any]) -> list[str]:
    """Replace overrides of a sweep on record by those given now; refuse what it must keep.

    Args:
        config: on record, to whose limits budget.trials=+20 adds, and epochs=+8 to its epochs.

    Raises:
        ConfigError: a key that changes decisions of the sweep, or no limit to be raised.
    """
    fresh = []
    for word in given:
        if is_of(Kind.MAY_GROW, key_of(word)):
            fresh.append(more_epochs.total(word, config[more_epochs.KEY]))
            continue
        if not is_of(Kind.ON_RESUME, key_of(word)):
            raise ConfigError(
                f"{word}: a sweep that has begun keeps its {key_of(word)}; begin another with "
                f"name=… (here may be given: {', '.join(keys_of(Kind.ON_RESUME | Kind.MAY_GROW))})"
            )
        if word.startswith("budget.target=+"):
            raise ConfigError(
                f"{word}: a target is a value of the objective, not to be added to: give the new "
                "one, budget.target=0.99, or null for none"
            )
        if match := _BUDGET.fullmatch(word):
            kind, more = match.groups()
            before = config["budget"].get(kind)
            if before is None:
                raise ConfigError(f"{word}: the sweep has no limit of {kind} that could be raised")
            total = before + float(more)
            word = f"budget.{kind}={int(total) if total == int(total) else total}"
        fresh.append(word)
    if any(word.startswith("repeats.") for word in fresh):  # which Hydra refuses beside repeats=3
        recorded = [re.sub(r"^repeats=(\d+)$", r"repeats.runs=\1", word) for word in recorded]
    trusted = words_of_trust(recorded)  # by whoever wrote the record, perhaps somebody else
    return replaced([word for word in recorded if word not in trusted], fresh)


def _refuse_changes(before: dict[str, object], now: dict[str, object]) -> None:
    """Refuse to resume if conf/ has changed since: the rest would be a different sweep."""
    whole = complete(before)  # an older record does not say all
    before = {key: value for key, value in whole.items() if key in before or key in now}
    for key in keys_of(Kind.OF_SPACE):
        if (before.get(key) or None) != (now.get(key) or None):
            raise ConfigError(
                f"conf/ has changed since this sweep began: {key} was {written(before.get(key))}, "
                f"and is {written(now.get(key))} now; put it back, or begin a new sweep with name=…"
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
                f"conf/ has changed since this sweep began: {key} was {_shown(was)}, and is "
                f"{_shown(has)} now; put it back, or begin a new sweep with name=…"
            )


def _shown(value: object) -> str:
    return written(plain_value(value))


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
