"""No configuration is proposed twice, whatever the sampler says."""

from __future__ import annotations

from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.samplers import RandomSampler
from optuna.study import Study as OptunaStudy
from optuna.trial import FrozenTrial

from sweeps.search.samplers import Sampled
from sweeps.search.search import Setting
from sweeps.space.grammar import parse
from sweeps.study.study import Study
from sweeps.trials import Objective

OBJECTIVE = Objective("accuracy", maximize=True)
SPACE = parse(
    OverridesParser.create().parse_overrides(["x=interval(0,1)", "kind=a,b,c"]), lambda key: ()
)


def test_a_sampler_that_repeats_itself_is_replaced() -> None:
    """A Gaussian process whose optimum is the corner of the space proposes it for ever."""

    class Corner(RandomSampler):
        def sample_independent(
            self, study: OptunaStudy, trial: FrozenTrial, name: str, distribution: Any
        ) -> Any:
            return 1.0 if name == "x" else "a"

    found = Study(OBJECTIVE, SPACE)
    corner = Sampled(Corner, Setting(SPACE, seed=3))
    made = [found.propose(corner).params for _ in range(6)]
    assert made[0] == {"x": 1.0, "kind": "a"}
    assert len({tuple(params.items()) for params in made}) == 6
