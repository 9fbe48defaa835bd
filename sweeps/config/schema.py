"""Type the configuration of a sweep, and say what kind each of its keys is.

Defaults live in conf/sweep.yaml, not here.
"""

# ruff: noqa: RUF009  `_key` gives a field, as `dataclasses.field` does

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from enum import Flag, auto
from functools import cache
from typing import Any, Optional

from omegaconf import MISSING

from trainers.config import CheckpointConfig, Device, Mode, ResourcesConfig, TaskConfig, TrainConfig


class Kind(Flag):
    """Describes the roles of a key in a sweep: where it may be given, and what depends on it."""

    OF_SWEEP = auto()  # the same for all trials of a sweep, so not to be swept over
    OF_PLAN = auto()  # set by a plan for each of its stages
    OF_SPACE = auto()  # what varies, and where: its own keys are dotted keys of the rest
    ON_RESUME = auto()  # may be given anew when a sweep is resumed: it changes no decision
    MAY_GROW = auto()  # may be raised when a sweep is resumed
    IN_SIMULATION = auto()  # may be given anew when recorded curves are simulated
    NO_DECISION = auto()  # not compared when a sweep is resumed
    NO_TRAINING = auto()  # means nothing to a single training
    NO_SCORE = auto()  # scores compare whatever value it has


_NONE = Kind(0)
_METADATA = "kinds"


def _key(kind: Kind, default: Any = MISSING, **below: Kind) -> Any:
    """Declare a key of these kinds; `below` has the kinds of single keys below it.

    A mutable default is given as its type, such as `dict`.
    """
    given = {"default_factory": default} if isinstance(default, type) else {"default": default}
    return field(**given, metadata={_METADATA: {"": kind, **below}})


@dataclass
class BudgetConfig:
    """Limits a sweep; the first limit that is reached ends it. null: no such limit."""

    trials: Optional[int] = MISSING  # noqa: UP045  OmegaConf on Python 3.10
    hours: Optional[float] = MISSING  # noqa: UP045  of wall time, over all sessions
    gpu_hours: Optional[float] = MISSING  # noqa: UP045  training seconds x resources.gpu
    epochs: Optional[int] = MISSING  # noqa: UP045  in all trials together
    target: Optional[float] = MISSING  # noqa: UP045  of task.metric; the first trial there ends it
    stalled: Optional[int] = MISSING  # noqa: UP045  trials in a row without a better one


@dataclass
class FailuresConfig:
    """Says how many failures a sweep tolerates before it stops."""

    lost_processes: int = MISSING  # how often a trial may lose its process or machine
    in_a_row: int = MISSING  # failed trials with no successful one between them


@dataclass
class SweepConfig(TrainConfig):
    """Describes the configuration of a sweep: a training, and how to search over it."""

    # Keys of the training that mean more to a sweep.
    name: str = _key(Kind.OF_SWEEP | Kind.OF_PLAN | Kind.NO_TRAINING)
    seed: int = _key(Kind.IN_SIMULATION | Kind.NO_SCORE)
    epochs: int = _key(Kind.IN_SIMULATION | Kind.MAY_GROW)
    patience: Optional[int] = _key(Kind.IN_SIMULATION)  # noqa: UP045  OmegaConf on Python 3.10
    device: Device = _key(Kind.NO_SCORE)
    histograms: bool = _key(Kind.NO_DECISION | Kind.NO_SCORE)
    results: str = _key(Kind.OF_SWEEP | Kind.ON_RESUME | Kind.NO_TRAINING)
    checkpoint: CheckpointConfig = _key(Kind.OF_SWEEP, CheckpointConfig)
    resources: ResourcesConfig = _key(Kind.NO_SCORE, ResourcesConfig)
    task: TaskConfig = _key(Kind.OF_SWEEP, TaskConfig)
    data: dict[str, Any] = _key(
        _NONE, dict, root=Kind.ON_RESUME | Kind.NO_SCORE, cache=Kind.ON_RESUME | Kind.NO_SCORE
    )

    metric: dict[str, Any] = _key(Kind.OF_SWEEP, dict)

    experiment: str = _key(Kind.OF_SWEEP | Kind.OF_PLAN)
    # swept key -> values, in Hydra's grammar
    space: Optional[dict[str, Any]] = _key(Kind.OF_SWEEP | Kind.OF_SPACE, None)  # noqa: UP045
    # try the configuration without any swept value first, if the space has it
    baseline: bool = _key(Kind.OF_SWEEP | Kind.IN_SIMULATION)
    # swept key -> the condition under which it exists
    when: Optional[dict[str, str]] = _key(Kind.OF_SWEEP | Kind.OF_SPACE, None)  # noqa: UP045
    # what every trial must meet
    require: list[str] = _key(Kind.OF_SWEEP | Kind.OF_SPACE, list)
    # configurations to try first
    points: list[dict[str, Any]] = _key(Kind.OF_SWEEP | Kind.IN_SIMULATION | Kind.NO_TRAINING, list)
    # beside task.metric
    objectives: dict[str, Mode] = _key(Kind.OF_SWEEP | Kind.NO_TRAINING, dict)
    # previous sweeps to learn from: a name, or a list
    from_sweep: Any = _key(Kind.OF_SWEEP | Kind.NO_TRAINING, None)
    # sweeps, one after the other
    plan: Optional[list[dict[str, Any]]] = _key(  # noqa: UP045
        Kind.OF_SWEEP | Kind.OF_PLAN | Kind.NO_TRAINING, None
    )
    search: dict[str, Any] = _key(Kind.OF_SWEEP | Kind.IN_SIMULATION, dict)
    stop: dict[str, Any] = _key(Kind.OF_SWEEP | Kind.IN_SIMULATION, dict)
    track: dict[str, Any] = _key(Kind.OF_SWEEP | Kind.ON_RESUME, dict)
    budget: BudgetConfig = _key(
        Kind.OF_SWEEP | Kind.ON_RESUME | Kind.IN_SIMULATION | Kind.NO_TRAINING, BudgetConfig
    )
    # null: as many as fit
    max_concurrent: Optional[int] = _key(  # noqa: UP045
        Kind.OF_SWEEP | Kind.ON_RESUME | Kind.NO_TRAINING
    )
    failures: FailuresConfig = _key(
        Kind.OF_SWEEP | Kind.ON_RESUME | Kind.IN_SIMULATION, FailuresConfig
    )
    # a number of runs, or what `sweeps.repeats.settings.Repeats` is made of
    repeats: Any = _key(
        Kind.OF_SWEEP | Kind.NO_TRAINING,
        top=Kind.ON_RESUME,
        seeds=Kind.ON_RESUME,
        race=Kind.ON_RESUME,
    )
    # shared with others; null: in the sweep's folder
    study: Optional[str] = _key(  # noqa: UP045
        Kind.OF_SWEEP | Kind.ON_RESUME | Kind.NO_TRAINING
    )
    # packages of which classes may come from a folder of results; see trusted_targets.py
    trust: list[str] = _key(
        Kind.OF_SWEEP | Kind.ON_RESUME | Kind.IN_SIMULATION | Kind.NO_DECISION | Kind.NO_SCORE,
        list,
    )
    preview: bool = _key(Kind.OF_SWEEP | Kind.OF_PLAN | Kind.NO_DECISION | Kind.NO_TRAINING)


#: Groups that set other keys and have none of their own.
_GROUPS = {"debug": Kind.OF_SWEEP}

#: The key whose value `a,b` is a list of previous sweeps, not two values to search.
FROM_SWEEP = "from_sweep"


def keys_of(kind: Kind) -> tuple[str, ...]:
    """List the keys of a kind in dotted form, in the order of the schema, then such groups."""
    return tuple(key for key, kinds in _kinds() if kinds & kind)


def is_of(kind: Kind, key: str) -> bool:
    """Whether a dotted key is of a kind, or lies below one that is."""
    return any(f"{key}.".startswith(f"{top}.") for top in keys_of(kind))


def _kinds() -> Iterator[tuple[str, Kind]]:
    for one in fields(SweepConfig):
        for below, kind in one.metadata.get(_METADATA, {}).items():
            yield f"{one.name}.{below}" if below else one.name, kind
    yield from _GROUPS.items()


@cache
def register() -> None:
    """Make `sweep_schema` known to Hydra, so that conf/sweep.yaml can list it."""
    from hydra.core.config_store import ConfigStore

    from trainers.config import register as register_training

    register_training()
    ConfigStore.instance().store(name="sweep_schema", node=SweepConfig)
