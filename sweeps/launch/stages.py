"""Make the stages of a plan, each from what the ones before it have found.

The next stage is the plan's command line, the stage's own experiment, and what was settled: a key
that was swept before and is not swept now keeps the value of the best trial, and the best trials
are the first points of the new search. All of it is a function of what is on record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sweeps.checked.check import check
from sweeps.checked.sweep import Sweep
from sweeps.config.composition import Composition, compose
from sweeps.config.keys import plain
from sweeps.config.overrides import assignments, key_of
from sweeps.config.schema import Kind, is_of
from sweeps.nearest_names import unknown
from sweeps.space.dimensions import written
from sweeps.transfer.adapt import fit
from sweeps.transfer.previous_sweeps import Earlier
from trainers.errors import ConfigError

#: How many of the stage before a stage begins with, unless it says otherwise.
BEST = 3

_KEYS = ("experiment", "budget", "best", "overrides")


@dataclass(frozen=True)
class Stage:
    """One sweep of a plan.

    Attributes:
        number: from 1.
        name: of its sweep.
        budget: its limits, by the names that `budget` has.
        best: how many of the stage before it begins with.
        overrides: further Hydra overrides.
    """

    number: int
    name: str
    experiment: str
    budget: Mapping[str, Any]
    best: int
    overrides: tuple[str, ...]

    def words(self, given: Sequence[str]) -> list[str]:
        """Its command line before anything is settled; what is given for the plan comes last."""
        own = [
            *self.overrides,
            *assignments({f"budget.{key}": value for key, value in self.budget.items()}),
        ]
        of_all = [word for word in given if not is_of(Kind.OF_PLAN, key_of(word))]
        keys = {key_of(word) for word in of_all}
        return [
            f"experiment={self.experiment}",
            f"name={written(self.name)}",
            *(word for word in own if key_of(word) not in keys),
            *of_all,
        ]


@dataclass(frozen=True)
class Begun:
    """How a stage begins.

    Attributes:
        words: its whole command line.
        settled: key -> value, of what the stages before have settled and it does not sweep.
        told: the same and its first points, in lines.
    """

    words: tuple[str, ...]
    settled: Mapping[str, Any] = field(default_factory=dict)
    told: tuple[str, ...] = ()


def stages(composition: Composition) -> tuple[Stage, ...]:
    """The stages that the `plan:` of a configuration lists.

    Raises:
        ConfigError: an empty list, or an entry that is no stage.
    """
    config = plain(composition.base)
    listed, name = config["plan"], str(config["name"])
    if not listed:
        raise ConfigError("plan: an empty list: name its stages, plan=[{experiment:mnist},…]")
    found = []
    for index, entry in enumerate(listed):
        where = f"plan[{index}]"
        for key in entry:
            if key not in _KEYS:
                raise ConfigError(unknown("key", f"{where}.{key}", str(key), _KEYS))
        if not isinstance(entry.get("experiment"), str):
            raise ConfigError(f"{where} must name an experiment: {{experiment: mnist}}")
        best, budget = entry.get("best", BEST), entry.get("budget") or {}
        if not isinstance(best, int) or isinstance(best, bool) or best < 1:
            raise ConfigError(
                f"{where}.best must be 1 or more, the number of trials that it takes over from the "
                f"stage before, not {best!r}"
            )
        if index == 0 and "best" in entry:
            raise ConfigError(f"{where}.best: no stage comes before the first: take it out")
        if not isinstance(budget, Mapping):
            raise ConfigError(f"{where}.budget must be limits, {{trials: 20}}, not {budget!r}")
        overrides = entry.get("overrides") or []
        if not isinstance(overrides, list) or not all(isinstance(o, str) for o in overrides):
            raise ConfigError(
                f"{where}.overrides must list Hydra overrides, [epochs=5], not {overrides!r}"
            )
        for word in overrides:
            if is_of(Kind.OF_PLAN, key_of(word)):
                raise ConfigError(f"{where}.overrides: {word}: the plan sees to that; take it out")
        found.append(
            Stage(
                index + 1, f"{name}-{index + 1}", entry["experiment"], budget, best, (*overrides,)
            )
        )
    return tuple(found)


@contextmanager
def checked(stage: Stage, words: Sequence[str]) -> Iterator[Sweep]:
    """The sweep of a stage's command line, checked; usable within `with`.

    Raises:
        ConfigError: what is wrong, with the stage it is wrong in.
    """
    with _named(stage):
        composing = compose(words)
        composition = composing.__enter__()
    try:
        with _named(stage):
            sweep = check(composition)
        yield sweep
    finally:
        composing.__exit__(None, None, None)


def carried(sweep: Sweep, stage: Stage, given: Sequence[str], before: Sequence[str]) -> list[str]:
    """Of the keys that were swept before, those that a stage takes over as they were settled."""
    own = {key_of(word) for word in stage.words(given)}
    space = sweep.space
    return [
        key
        for key in before
        if key not in space.keys
        and key not in own
        and not is_of(Kind.OF_PLAN, key)
        and sweep.composition.everywhere(space, key)
    ]


def next_stage(
    stage: Stage, given: Sequence[str], settled: Mapping[str, Any], before: Earlier
) -> Begun:
    """How a stage begins after the one before.

    Args:
        given: the plan's command line.
        settled: key -> its value in the best trial of the last stage that has swept it.
        before: the stage before, with a score at least.
    """
    words = stage.words(given)
    taken: dict[str, Any] = {}
    left: list[str] = []
    with checked(stage, words) as sweep:
        groups = [k for k in carried(sweep, stage, given, [*settled]) if _is_group(sweep, k)]
    _take(stage, words, settled, groups, taken, left)
    with checked(stage, _with(words, taken)) as sweep:
        keys = [k for k in carried(sweep, stage, given, [*settled]) if not _is_group(sweep, k)]
    _take(stage, words, settled, keys, taken, left)
    words = _with(words, taken)
    with checked(stage, words) as sweep:
        points, told = first_points(stage, sweep, before)
        own = sweep.config["points"]
    all_points = [*points, *(point for point in own if point not in points)]
    words = [word for word in words if key_of(word) != "points"]
    begins = [f"points={written(all_points)}"] if all_points else []
    lines = [
        "settled: " + ("  ".join(assignments(taken)) or "nothing"),
        *(f"not settled, as this stage cannot be with it: {word}" for word in left),
        *told,
    ]
    return Begun((*words, *begins), taken, tuple(lines))


def first_points(
    stage: Stage, sweep: Sweep, before: Earlier
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """The best trials of the stage before as far as this space has them, and lines on them."""
    points: list[Mapping[str, Any]] = []
    told = []
    for best in before.ranked:
        fitted = fit(
            best.trial, before.dimensions, sweep.space, before.then, sweep.composition.unswept
        )
        if not fitted.params or fitted.params in points:
            continue
        points.append(fitted.params)
        swept = [key for key in fitted.unfit if key in sweep.space.keys]
        missing = f" (but for {', '.join(swept)})" if swept else ""
        told.append(f"{best.trial.id}{missing}")
        if len(points) == stage.best:
            break
    if not told:
        return points, [f"no trial of {before.name} has a value in this space"]
    return points, [f"begins like the best of {before.name}: {', '.join(told)}"]


def _take(
    stage: Stage,
    words: Sequence[str],
    settled: Mapping[str, Any],
    keys: Sequence[str],
    taken: dict[str, Any],
    left: list[str],
) -> None:
    """Take over these keys: together, or if that makes no sweep, one by one as far as it does."""
    together = {key: settled[key] for key in keys}
    if not together:
        return
    if _holds(stage, _with(words, {**taken, **together})):
        taken.update(together)
        return
    for key, value in together.items():
        if _holds(stage, _with(words, {**taken, key: value})):
            taken[key] = value
        else:
            left.append(f"{key}={written(value)}")


def _holds(stage: Stage, words: Sequence[str]) -> bool:
    try:
        with checked(stage, words):
            return True
    except ConfigError:
        return False


def _with(words: Sequence[str], settled: Mapping[str, Any]) -> list[str]:
    """A command line with what is settled; that comes after its experiment, before the rest."""
    return [*words[:2], *assignments(settled), *words[2:]]


def _is_group(sweep: Sweep, key: str) -> bool:
    return bool(sweep.composition.options(key))


@contextmanager
def _named(stage: Stage) -> Iterator[None]:
    """What is wrong within is wrong in this stage."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(
            f"plan[{stage.number - 1}] (experiment={stage.experiment}): {error}"
        ) from error
