"""Check, before a sweep starts, that its search proposes a trial that may be trained."""

from __future__ import annotations

from sweeps.checked.sweep import Sweep
from sweeps.config.require import MOST_INFEASIBLE, Refused
from sweeps.study.study import Study
from sweeps.trials import State
from trainers.errors import ConfigError


def check(sweep: Sweep) -> None:
    """Propose in memory, as the sweep will, until there is a trial that may be trained.

    Raises:
        ConfigError: there is none; tells the share of the proposals that each rule refuses.
    """
    study = Study(sweep.objective, sweep.space, sweep.further)
    if sweep.transfer.data:
        study.feed(sweep.transfer.trials)
    refused, limit = Refused(), sweep.search.limit()
    while refused.count < MOST_INFEASIBLE and (limit is None or study.count < limit):
        trial = study.propose(sweep.search)
        training = sweep.composition.training(trial.params)
        if not (refusals := sweep.constraints.judge(trial.params, *training)):
            return
        refused.add(refusals)
        study.end(trial.id, State.INFEASIBLE)
    raise ConfigError(refused.message())
