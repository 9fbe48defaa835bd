"""Random proposals are Optuna's, value for value, in whatever space."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.samplers import RandomSampler

from sweeps.search.fast_random import draw
from sweeps.search.sampler_memory import SamplerMemory
from sweeps.space.grammar import parse
from sweeps.space.space import Space

WORDS = (
    "a=interval(0.1,0.9)",
    "b=tag(log,interval(1e-5,1e-1))",
    "c=int(interval(3,200))",
    "d=tag(log,int(interval(1,4096)))",
    "e=range(0.0,0.7,0.02)",
    "f=range(8,520,8)",
    "g=tag(log1m,interval(0.8,0.999))",
    "h=adamw,sgd,rmsprop",
    "i=1,2,3",
    "j=1.0,2.0,3.0",
    "k=true,false",
    "l=null,0.5",
    "m=[1,2],[3]",
    "n=range(4,5)",
)


def space_of(words: list[str]) -> Space:
    return parse(OverridesParser.create().parse_overrides(words), lambda key: ())


@given(
    st.lists(st.sampled_from(WORDS), min_size=1, unique=True),
    st.integers(0, 2**32 - 1),
    st.integers(0, 3),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_as_optuna_draws(words: list[str], seed: int, count: int, pointed: bool) -> None:
    space = space_of(words)
    sampler = RandomSampler(seed)
    study = optuna.create_study(sampler=RandomSampler(seed))
    fixed: dict[str, Any] | None = None
    if pointed:
        drawn = draw(RandomSampler(1), space, None).params
        fixed = dict(list(drawn.items())[:count])
        study.enqueue_trial(fixed)
    trial = study.ask()
    space.suggest(trial)
    (theirs,) = study.get_trials()
    ours = draw(sampler, space, fixed)
    assert repr(ours.params) == repr(theirs.params)  # as 1, 1.0 and True are equal
    assert repr(ours.distributions) == repr(theirs.distributions)
    assert ours.system_attrs == theirs.system_attrs
    assert ours.state is theirs.state
    again = optuna.create_study(sampler=sampler).ask().suggest_float("next", 0, 1)
    assert again == study.ask().suggest_float("next", 0, 1), "the random numbers went otherwise"


@pytest.mark.parametrize("count", [1, 3])
def test_what_is_drawn_is_among_the_trials_and_can_be_taken_back(count: int) -> None:
    memory = SamplerMemory([optuna.study.StudyDirection.MAXIMIZE])
    space = space_of(list(WORDS))
    made = [memory.draw(RandomSampler(n), space, None) for n in range(count)]
    assert [t.number for t in memory.optuna.trials] == list(range(count))
    assert [t.params for t in memory.optuna.trials] == [t.params for t in made]
    memory.forget(made[-1])
    assert len(memory.optuna.trials) == count - 1
    assert memory.draw(RandomSampler(count - 1), space, None).params == made[-1].params
