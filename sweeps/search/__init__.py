"""Propose configurations, by an Optuna sampler or by one of this project's own searches.

    search.py           the contract of a search, and its setting
    build.py            build what a `search` group describes
    samplers.py         Optuna's samplers, Sobol's sequence, the grid
    ablation.py         the baseline, then each change alone; the ablation sheet
    first_trials.py     initial points (`points:`)
    propose.py          ask the search for a configuration that no trial has yet
    sampler_memory.py   the sweep's trials as samplers see them
    sampler_storage.py  Optuna's storage in memory, with the newest trial removable
    trial_selection.py  bound the number of trials that a sampler sees
    fast_random.py      draw random proposals without Optuna's overhead

`Grid`, `Sobol` and `Ablation` keep these short names: `conf/search/` gives them by `_target_`, and
so does the record of every sweep.
"""

from sweeps.search.ablation import Ablation
from sweeps.search.samplers import Grid, Sobol

__all__ = ["Ablation", "Grid", "Sobol"]
