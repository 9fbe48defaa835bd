"""Check the keys that a trial changes while it trains: its checkpoint must still fit.

This concerns sweeps under population-based training (`stop=pbt`), whose children continue from
the checkpoints of their parents with other values of the swept keys.
"""

from __future__ import annotations

from omegaconf import OmegaConf

from sweeps.checked.sweep import Sweep
from sweeps.config.keys import plain_value
from sweeps.space.space import Parameter
from trainers.config import typed
from trainers.config.hydra_grammar import written
from trainers.errors import ConfigError

#: Keys that every step of a training reads again.
_KEYS = ("model.dropout", "label_smoothing", "max_norm", "clip.norm", "clip.value", "batch_size")
#: Groups whose numbers every step reads again: lr, betas, weight_decay; std, p.
_GROUPS = ("optimizer", "augment")


def check(sweep: Sweep) -> None:
    """Refuse a population-based sweep whose children could not continue, or that has none.

    Raises:
        ConfigError: a swept key that cannot change, repeats, or no population to rank.
    """
    if (population := sweep.population) is None:
        return
    for parameter in sweep.space.parameters:
        if not _changeable(parameter):
            key = parameter.key
            own = sweep.choice(key) if parameter.group else _own(sweep, key)
            raise ConfigError(
                f"stop=pbt: {key} cannot change while a trial trains: give it one value "
                f"({key}={own}), or use stop=asha\n(numbers of optimizer.* and augment.* can, and "
                f"{', '.join(_KEYS)})"
            )
    if sweep.repeats.top or sweep.repeats.runs > 1:
        raise ConfigError(
            "stop=pbt: values that changed on the way are no configuration to repeat: leave out "
            "repeats, and run the winner's schedule again with make replay"
        )
    if sweep.trials is None or sweep.trials < 2:
        raise ConfigError(
            f"stop=pbt: budget.trials is the size of the population, which needs 2 or more, not "
            f"{written(sweep.trials)}: budget.trials=16"
        )
    epochs = sweep.training.epochs
    if not any(population.pauses(epoch) for epoch in range(1, min(epochs, _FAR))):
        raise ConfigError(
            f"stop=pbt: no trial would ever be replaced, as no trial of epochs={epochs} is ranked "
            "before its last epoch: a shorter stop.interval, or more epochs"
        )


def check_checkpoints_fit(sweep: Sweep) -> None:
    """Build small trainings to check that each value can continue from any other.

    Raises:
        ConfigError: the checkpoint of one value does not fit another.
    """
    if sweep.population is None:
        return
    from trainers.files.inherit import misfit

    given = [params for params in sweep.composition.examples(sweep.space) if params]
    for parameter in sweep.space.parameters:
        first, *others = [p for p in given if parameter.key in p]
        for other in others:
            for pair in ((first, other), (other, first)):
                one, two = (typed(sweep.composition.trial(params)) for params in pair)
                if why := misfit(one, two):
                    key = parameter.key
                    raise ConfigError(
                        f"stop=pbt: a training with {key}={written(pair[0][key])} cannot go on "
                        f"with {key}={written(pair[1][key])} ({' '.join(why.split())[:160]}):\n"
                        "leave one of them out, or use another rule, such as stop=asha"
                    )


#: Epochs that are looked through for one at which trials are ranked.
_FAR = 100_000


def _changeable(parameter: Parameter) -> bool:
    if parameter.group:
        return False
    read_again = parameter.key in _KEYS or parameter.key.split(".")[0] in _GROUPS
    return read_again and all(_numeric(value) for value in parameter.dimension.examples())


def _numeric(value: object) -> bool:
    """Whether a value is a number, a list of numbers, or null."""
    if isinstance(value, list):
        return all(map(_numeric, value))
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _own(sweep: Sweep, key: str) -> str:
    return written(plain_value(OmegaConf.select(sweep.composition.base, key)))
