"""Check what only the data and the models of a sweep show, where the data can be read."""

from __future__ import annotations

from sweeps.checked import any_feasible, every_value, pbt_keys
from sweeps.checked.sweep import Sweep


def check(sweep: Sweep, proposes: bool = True) -> None:
    """Refuse what the sweep would be refused for when it begins; no data is fetched or built.

    Args:
        proposes: whether its search is known; that of a plan's later stage is not.

    Raises:
        DataError: the data is not here, and cannot be fetched.
        ConfigError: the data, a model, or every trial that the search proposes is refused.
    """
    from trainers.data import resident
    from trainers.fit import size

    if not resident.here(sweep.training.data):
        return
    size(sweep.training)
    pbt_keys.check_checkpoints_fit(sweep)
    if proposes:
        any_feasible.check(sweep)
    every_value.check(sweep)
