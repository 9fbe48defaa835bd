"""Say what a training is: the typed form of conf/train.yaml, and what a `_target_` takes.

schema.py               the keys of a training, their types and rules
dataclass_from_dict.py  read plain containers into dataclasses, naming what does not fit
targets.py              check and build what a `_target_` names
"""

from trainers.config.schema import (
    METRICS,
    CheckpointConfig,
    Device,
    FirstConfig,
    Keep,
    Mode,
    Precision,
    ResourcesConfig,
    TaskConfig,
    TrainConfig,
    check_metric,
    check_mode,
    compose,
    mode_of,
    refuse_idle,
    register,
    typed,
)

__all__ = [
    "METRICS",
    "CheckpointConfig",
    "Device",
    "FirstConfig",
    "Keep",
    "Mode",
    "Precision",
    "ResourcesConfig",
    "TaskConfig",
    "TrainConfig",
    "check_metric",
    "check_mode",
    "compose",
    "mode_of",
    "refuse_idle",
    "register",
    "typed",
]
