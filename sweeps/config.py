"""What a sweep is: the typed form of conf/sweep.yaml. Defaults live there, not here."""

from dataclasses import dataclass, field
from typing import Any, Optional

from omegaconf import MISSING

from trainers.config import Mode, TrainConfig


@dataclass
class BudgetConfig:
    """What a sweep may spend; whichever is reached first ends it. null: no such limit."""

    trials: Optional[int] = MISSING  # noqa: UP045  OmegaConf on Python 3.10
    hours: Optional[float] = MISSING  # noqa: UP045  of wall time, over all sittings
    gpu_hours: Optional[float] = MISSING  # noqa: UP045  training seconds x resources.gpu
    epochs: Optional[int] = MISSING  # noqa: UP045  in all trials together
    target: Optional[float] = MISSING  # noqa: UP045  enough once task.metric is there in any trial
    stalled: Optional[int] = MISSING  # noqa: UP045  so many trials in a row, none better: enough


@dataclass
class FailuresConfig:
    """What is put up with."""

    lost_processes: int = MISSING  # times a trial's process or machine may be lost
    in_a_row: int = MISSING  # failed trials, none ending well between them


@dataclass
class SweepConfig(TrainConfig):
    """One sweep, complete: a training, and how to search over it."""

    experiment: str = MISSING
    space: Optional[dict[str, Any]] = None  # noqa: UP045  swept key -> values, in Hydra's grammar
    baseline: bool = MISSING  # the configuration as it is comes first, if the space has it
    when: Optional[dict[str, str]] = None  # noqa: UP045  swept key -> where it is drawn
    require: list[str] = field(default_factory=list)  # what every trial must meet
    points: list[dict[str, Any]] = field(default_factory=list)  # configurations to try first
    objectives: dict[str, Mode] = field(default_factory=dict)  # beside task.metric
    from_sweep: Any = None  # earlier sweeps to learn from: a name, or a list
    plan: Optional[list[dict[str, Any]]] = None  # noqa: UP045  sweeps, one after the other
    search: dict[str, Any] = field(default_factory=dict)
    stop: dict[str, Any] = field(default_factory=dict)
    track: dict[str, Any] = field(default_factory=dict)
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    max_concurrent: Optional[int] = MISSING  # noqa: UP045  null: as many as fit
    failures: FailuresConfig = field(default_factory=FailuresConfig)
    repeats: Any = MISSING  # a number of runs, or what `sweeps.repeats.Repeats` is made of
    study: Optional[str] = MISSING  # noqa: UP045  shared with others; null: in the sweep's folder
    preview: bool = MISSING


#: The key whose values a,b are a list of names, and nothing to vary.
FROM_SWEEP = "from_sweep"

#: Keys of the sweep as a whole: the same for all of its trials, so not to be swept over.
SWEEP_KEYS = (
    "name",
    "experiment",
    "debug",
    "space",
    "baseline",
    "when",
    "require",
    "points",
    "objectives",
    "from_sweep",
    "plan",
    "search",
    "stop",
    "track",
    "budget",
    "max_concurrent",
    "failures",
    "repeats",
    "study",
    "preview",
    "results",
    "checkpoint",
    "task",
)


def register() -> None:
    """Make `sweep_schema` known to Hydra, so that conf/sweep.yaml can list it. Idempotent."""
    from hydra.core.config_store import ConfigStore

    from trainers.config import register as register_training

    register_training()
    ConfigStore.instance().store(name="sweep_schema", node=SweepConfig)
