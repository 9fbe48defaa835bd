"""How configurations are proposed: by an Optuna sampler, or by one of this project's own.

`conf/search/` names the latter by `_target_`, as the record of every sweep does.
"""

from sweeps.search.ablation import Ablation
from sweeps.search.samplers import Grid, Sobol

__all__ = ["Ablation", "Grid", "Sobol"]
