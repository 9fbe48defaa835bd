"""Say what a training is: the typed form of conf/train.yaml, and what a `_target_` takes.

metrics.py              the metrics of an epoch, and their best values
hydra_grammar.py        write values as a command line gives them
schema.py               the keys of a training, their types and rules
dataclass_from_dict.py  read plain containers into dataclasses, naming what does not fit
targets.py              check and build what a `_target_` names
"""

from trainers.config.metrics import (
    METRICS,
    Mode,
    Predicts,
    check_metric,
    check_mode,
    metrics_of,
    mode_of,
)
from trainers.config.schema import (
    AUTO_GPU,
    CheckpointConfig,
    Device,
    FirstConfig,
    Keep,
    Precision,
    ResourcesConfig,
    TaskConfig,
    TrainConfig,
    complete,
    compose,
    refuse_idle,
    register,
    typed,
)

__all__ = [
    "AUTO_GPU",
    "METRICS",
    "CheckpointConfig",
    "Device",
    "FirstConfig",
    "Keep",
    "Mode",
    "Precision",
    "Predicts",
    "ResourcesConfig",
    "TaskConfig",
    "TrainConfig",
    "check_metric",
    "check_mode",
    "complete",
    "compose",
    "metrics_of",
    "mode_of",
    "refuse_idle",
    "register",
    "typed",
]
