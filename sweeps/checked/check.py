"""Check a composed configuration: all that can be checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from sweeps.checked import pbt_keys
from sweeps.checked.sweep import Sweep
from sweeps.config.composition import Composition
from sweeps.config.keys import plain
from sweeps.config.overrides import key_of
from sweeps.config.require import Constraints
from sweeps.config.swept_space import swept_space
from sweeps.config.unknown_keys import refuse_unknown_keys
from sweeps.driver.budget import Budget
from sweeps.repeats.settings import Repeats
from sweeps.search.build import build, includes_own_values, notes_of
from sweeps.search.first_trials import Point, initial_points
from sweeps.search.search import Search, Setting
from sweeps.space.expressions import Expression
from sweeps.space.space import Space
from sweeps.stop import Never, Several, Stop, Target
from sweeps.study.url import Database, Journal, shared
from sweeps.trials import Objective
from trainers.config import (
    AUTO_GPU,
    Device,
    Mode,
    TrainConfig,
    check_metric,
    check_mode,
    refuse_idle,
    typed,
)
from trainers.config.targets import instantiate
from trainers.errors import ConfigError


def check(composition: Composition) -> Sweep:
    """Check all that can be checked before anything runs.

    Raises:
        ConfigError: what is wrong.
    """
    base = composition.base
    refuse_unknown_keys(base)
    if base.plan is not None:
        raise ConfigError(
            "it is a plan of several sweeps where one is wanted: name one of its stages, "
            "experiment=…"
        )
    training = typed(base)
    space, notes = _space(composition, training)
    objective = Objective(training.task.metric, training.task.maximize)
    shared_study = shared(base.study)
    _fix_for_all_trials(composition, training, shared_study)
    config = plain(base)
    further = _further(objective, config["objectives"], training)
    first, passed_over = _first_trials(config, space, composition)
    required = (Expression.parse(text, "require") for text in config["require"])
    constraints = Constraints(composition, tuple(required))
    constraints.check(space)
    setting = Setting(
        space, training.seed, first, (objective, *further), partial(composition.as_is, space)
    )
    search = build(config["search"], setting)
    budget = Budget(**config["budget"], maximize=objective.maximize)
    _refuse_limits(config, budget, search)
    _refuse_cards_only(training, space)
    stop = instantiate("stop", config["stop"])
    _refuse_other_mode(stop, objective)
    repeats = Repeats.read(config["repeats"])
    repeats.check(space.keys, [key_of(word) for word in composition.fixed])
    notes += [*passed_over, *notes_of(search)]
    if further and not isinstance(stop, Never):
        notes.append(
            f"stop={composition.choice('stop')} compares trials by {objective.metric} alone: "
            "stop=none lets all of them run"
        )
    if repeats.top:
        notes.append(repeats.description)
    sweep = Sweep(
        composition,
        config,
        training,
        space,
        tuple(notes),
        constraints,
        objective,
        further,
        search,
        stop,
        budget,
        repeats,
        shared=shared_study,
    )
    pbt_keys.check(sweep)
    return sweep


def _fix_for_all_trials(
    composition: Composition, training: TrainConfig, shared_study: Database | Journal | None
) -> None:
    """Fix what is the same for all trials, and looked up once rather than for each of them."""
    if shared_study is not None:
        composition.fix("study", str(shared_study))  # a password goes no further
    composition.fix("results", training.results)
    composition.fix("task.mode", training.task.mode)


def _space(composition: Composition, training: TrainConfig) -> tuple[Space, list[str]]:
    """Read the space, and what a person should know of it; refuse one in which nothing varies."""
    own_values = includes_own_values(composition.base.search)
    space, notes = swept_space(composition, with_own=own_values)
    if not space.parameters:
        raise ConfigError(
            "nothing varies: give values for a key (model.dropout=0.1,0.25), or make train for one "
            "training"
        )
    if "first.epochs" not in space.keys:
        refuse_idle(training)
    return space, notes


def _first_trials(
    config: Mapping[str, Any], space: Space, composition: Composition
) -> tuple[tuple[Point, ...], list[str]]:
    """Put the baseline before the initial points, if the space has it."""
    baseline = composition.as_is(space, {})
    first, passed_over = initial_points(config["points"], space, composition)
    if config["baseline"] and space.holds(baseline):
        first = (baseline, *(point for point in first if point != baseline))
    return first, passed_over


def _refuse_limits(config: Mapping[str, Any], budget: Budget, search: Search) -> None:
    """Refuse limits that could not hold: none at all, no trial at a time, memory of a GPU."""
    if not budget.bounded and search.limit() is None:
        raise ConfigError(
            "budget: without any limit the sweep would never end (a target may never be reached): "
            "budget.trials=20"
        )
    if config["max_concurrent"] is not None and config["max_concurrent"] < 1:
        raise ConfigError(
            f"max_concurrent must be 1 or more, or null for as many as fit, not "
            f"{config['max_concurrent']}"
        )
    for name, least in (("lost_processes", 0), ("in_a_row", 1)):
        if config["failures"][name] < least:
            raise ConfigError(
                f"failures.{name} must be {least} or more, not {config['failures'][name]}"
            )


def _refuse_cards_only(training: TrainConfig, space: Space) -> None:
    """Refuse what only a card can do where trials run on machines without cards, too."""
    swept = {p.key: [*map(str, p.dimension.examples())] for p in space.parameters}
    cards = swept.get("resources.gpu", [])
    if AUTO_GPU in (training.resources.gpu, *cards):
        if cards:
            raise ConfigError(
                "resources.gpu=auto is for all trials of a sweep: give it alone, or numbers alone"
            )
        for device in (training.device.value, *swept.get("device", [])):
            if device in (Device.cuda.value, Device.mps.value):
                raise ConfigError(
                    f"device={device}: resources.gpu=auto trains on machines without cards too: "
                    "use device=auto, or leave resources.gpu out"
                )


def _refuse_other_mode(stop: Stop, objective: Objective) -> None:
    """Refuse a target that would stop the trials which are furthest from it."""
    for rule in stop.rules.values() if isinstance(stop, Several) else [stop]:
        if isinstance(rule, Target) and (rule.mode == Mode.max.name) is not objective.maximize:
            raise ConfigError(
                f"stop.mode={rule.mode} contradicts the objective, {objective.goal}: leave "
                "stop.mode out"
            )


def _further(
    objective: Objective, wanted: Mapping[str, str], training: TrainConfig
) -> tuple[Objective, ...]:
    """Read the objectives to be traded off against the first."""
    for metric, mode in wanted.items():
        check_metric("objectives", metric, training)
        check_mode(f"objectives.{metric}", Mode[mode], metric, training)
        if metric == objective.metric:
            raise ConfigError(f"objectives: {metric} is the objective already: name another metric")
    return tuple(Objective(metric, mode == Mode.max.name) for metric, mode in wanted.items())
