"""Make the stages of a plan, each from the results of the stages before.

The next stage has the plan's command line, its own experiment, and the keys that the stages before
have fixed: a key that was swept before and is not swept now keeps the value of the best trial. The
best trials are the initial points of the new search. All of it is a function of what is on record.
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
from sweeps.config.trusted_targets import Origin
from sweeps.transfer.adapt import fit
from sweeps.transfer.previous_sweeps import Earlier
from trainers.config.hydra_grammar import written
from trainers.errors import ConfigError
from trainers.nearest_names import unknown

#: Number of best trials of the previous stage that a stage begins with, by default.
BEST = 3

_KEYS = ("experiment", "budget", "best", "overrides")


@dataclass(frozen=True)
class Stage:
    """Describes one sweep of a plan.

    Attributes:
        number: from 1.
        name: the name of its sweep.
        budget: its limits, by the names of `budget`.
        best: number of best trials of the previous stage that it begins with.
        overrides: further Hydra overrides.
    """

    number: int
    name: str
    experiment: str
    budget: Mapping[str, Any]
    best: int
    overrides: tuple[str, ...]

    def words(self, given: Sequence[str]) -> list[str]:
        """Write the stage's command line without fixed keys; the plan's own overrides come last."""
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
class StageStart:
    """Describe how a stage begins.

    Attributes:
        words: its whole command line.
        fixed: key -> value, of the keys that previous stages have swept and this one does not.
        messages: lines that tell the fixed keys and the initial points.
    """

    words: tuple[str, ...]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    messages: tuple[str, ...] = ()


def stages(composition: Composition) -> tuple[Stage, ...]:
    """Read the stages that the `plan:` of a configuration lists.

    Raises:
        ConfigError: an empty list, or an entry that is no stage.
    """
    config = plain(composition.base)
    entries, name = config["plan"], str(config["name"])
    if not entries:
        raise ConfigError("plan: an empty list: name its stages, plan=[{experiment:mnist},…]")
    stages_read = []
    for index, entry in enumerate(entries):
        place = f"plan[{index}]"
        for key in entry:
            if key not in _KEYS:
                raise ConfigError(unknown("key", f"{place}.{key}", str(key), _KEYS))
        if not isinstance(entry.get("experiment"), str):
            raise ConfigError(f"{place} must name an experiment: {{experiment: mnist}}")
        best, budget = entry.get("best", BEST), entry.get("budget") or {}
        if not isinstance(best, int) or isinstance(best, bool) or best < 1:
            raise ConfigError(
                f"{place}.best must be 1 or more, the number of best trials of the stage "
                f"before that it begins with, not {written(best)}"
            )
        if index == 0 and "best" in entry:
            raise ConfigError(f"{place}.best: no stage comes before the first: take it out")
        if not isinstance(budget, Mapping):
            raise ConfigError(
                f"{place}.budget must be limits, {{trials: 20}}, not {written(budget)}"
            )
        overrides = entry.get("overrides") or []
        if not isinstance(overrides, list) or not all(isinstance(o, str) for o in overrides):
            raise ConfigError(
                f"{place}.overrides must list Hydra overrides, [epochs=5], not {written(overrides)}"
            )
        for word in overrides:
            if is_of(Kind.OF_PLAN, key_of(word)):
                raise ConfigError(
                    f"{place}.overrides: {word}: the plan sets this itself; take it out"
                )
        stages_read.append(
            Stage(
                index + 1, f"{name}-{index + 1}", entry["experiment"], budget, best, (*overrides,)
            )
        )
    return tuple(stages_read)


@contextmanager
def checked(stage: Stage, words: Sequence[str], origin: Origin | None = None) -> Iterator[Sweep]:
    """Compose and check the sweep of a stage's command line, for use within a `with` block.

    Args:
        origin: where the plan was read, if it is not the command line's own.

    Raises:
        ConfigError: what is wrong, and in which stage.
    """
    with _named(stage):
        composing = compose(words, origin)
        composition = composing.__enter__()
    try:
        with _named(stage):
            sweep = check(composition)
        yield sweep
    finally:
        composing.__exit__(None, None, None)


def carried(sweep: Sweep, stage: Stage, given: Sequence[str], before: Sequence[str]) -> list[str]:
    """List the keys swept by previous stages whose best value a stage keeps."""
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
    stage: Stage,
    given: Sequence[str],
    fixed: Mapping[str, Any],
    before: Earlier,
    origin: Origin | None = None,
) -> StageStart:
    """Make the start of a stage from the results of the previous ones.

    Args:
        given: the plan's command line.
        fixed: key -> its value in the best trial of the last stage that has swept it.
        before: the previous stage, which has at least one score.
        origin: where the plan was read, if it is not the command line's own.
    """
    words = stage.words(given)
    with checked(stage, words, origin) as sweep:
        groups = [k for k in carried(sweep, stage, given, [*fixed]) if _is_group(sweep, k)]
        unmet = sweep.composition.unmet({group: str(fixed[group]) for group in groups})
        rest = [word for word in words if word not in unmet]
        taken, left = _taken(stage, rest, {group: fixed[group] for group in groups}, {}, origin)
        unmet = sweep.composition.unmet({group: str(choice) for group, choice in taken.items()})
    words = [word for word in words if word not in unmet]
    with checked(stage, _with(words, taken), origin) as sweep:
        keys = [k for k in carried(sweep, stage, given, [*fixed]) if not _is_group(sweep, k)]
    more, left_too = _taken(stage, words, {key: fixed[key] for key in keys}, taken, origin)
    taken = {**taken, **more}
    words = _with(words, taken)
    with checked(stage, words, origin) as sweep:
        points, message = initial_points(stage, sweep, before)
        own = sweep.config["points"]
    all_points = [*points, *(point for point in own if point not in points)]
    words = [word for word in words if key_of(word) != "points"]
    begins = [f"points={written(all_points)}"] if all_points else []
    lines = [
        "fixed: " + ("  ".join(assignments(taken)) or "nothing"),
        *(f"not fixed, as this stage cannot have it: {word}" for word in (*left, *left_too)),
        *(f"not set, as the fixed choice has no such key: {word}" for word in unmet),
        message,
    ]
    return StageStart((*words, *begins), taken, tuple(lines))


def initial_points(
    stage: Stage, sweep: Sweep, before: Earlier
) -> tuple[list[Mapping[str, Any]], str]:
    """Make points of the best trials of the previous stage, and a line that tells them."""
    points: list[Mapping[str, Any]] = []
    trials = []
    for best in before.recorded.ranked:
        fitted = fit(
            best.trial,
            before.recorded.dimensions,
            sweep.space,
            before.then,
            sweep.composition.unswept,
        )
        if not fitted.params or fitted.params in points:
            continue
        points.append(fitted.params)
        swept = [key for key in fitted.unfit if key in sweep.space.keys]
        missing = f" (but for {', '.join(swept)})" if swept else ""
        trials.append(f"{best.trial.id}{missing}")
        if len(points) == stage.best:
            break
    if not trials:
        return points, f"no trial of {before.recorded.name} has a value in this space"
    return points, f"begins with the best of {before.recorded.name}: {', '.join(trials)}"


def _taken(
    stage: Stage,
    words: Sequence[str],
    values: Mapping[str, Any],
    before: Mapping[str, Any],
    origin: Origin | None,
) -> tuple[dict[str, Any], list[str]]:
    """Fix values together or, if that is no valid sweep, one by one; list those that are not.

    Args:
        before: what is fixed already.
    """
    if not values or _valid(stage, _with(words, {**before, **values}), origin):
        return dict(values), []
    taken: dict[str, Any] = {}
    left = []
    for key, value in values.items():
        if _valid(stage, _with(words, {**before, **taken, key: value}), origin):
            taken[key] = value
        else:
            left.append(f"{key}={written(value)}")
    return taken, left


def _valid(stage: Stage, words: Sequence[str], origin: Origin | None) -> bool:
    try:
        with checked(stage, words, origin):
            return True
    except ConfigError:
        return False


def _with(words: Sequence[str], fixed: Mapping[str, Any]) -> list[str]:
    """Insert the fixed keys into a command line, after its experiment and name."""
    return [*words[:2], *assignments(fixed), *words[2:]]


def _is_group(sweep: Sweep, key: str) -> bool:
    return bool(sweep.composition.options(key))


@contextmanager
def _named(stage: Stage) -> Iterator[None]:
    """Name the stage in a ConfigError that is raised within."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(
            f"plan[{stage.number - 1}] (experiment={stage.experiment}): {error}"
        ) from error
