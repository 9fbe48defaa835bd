"""Samplers see a sweep's trials as it suits them, which is not always as the record has them."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st
from optuna.samplers import RandomSampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweeps.search.sampler_memory import SamplerMemory
from sweeps.space.grammar import parse
from sweeps.trials import Objective, State, TrialRecord

MAXIMIZE, MINIMIZE = StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE
SPACE = parse(
    OverridesParser.create().parse_overrides(["x=interval(0,1)", "kind=a,b"]), lambda key: ()
)
COMPLETE, PRUNED, FAIL = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL


def drawn(memory: SamplerMemory, seed: int = 0, **point: Any) -> FrozenTrial:
    return memory.draw(RandomSampler(seed), SPACE, point or None)


def ended(memory: SamplerMemory, *values: float, state: State = State.COMPLETE) -> FrozenTrial:
    """A trial that has ended as the record says."""
    trial = drawn(memory, seed=len(memory.optuna.trials))
    recorded = {State.COMPLETE: COMPLETE, State.STOPPED: PRUNED}.get(state, FAIL)
    memory.end(trial._trial_id, state, recorded, values or None)
    return memory.optuna.trials[trial.number]


@pytest.mark.parametrize("sampler", [RandomSampler(1), TPESampler(seed=1)])
def test_a_point_is_drawn_as_far_as_it_goes(sampler: Any) -> None:
    memory = SamplerMemory([MAXIMIZE])
    trial = memory.draw(sampler, SPACE, {"x": 0.25})
    assert trial.state is TrialState.RUNNING
    assert trial.params["x"] == 0.25
    assert trial.params["kind"] in ("a", "b")
    memory.forget(trial)
    assert memory.optuna.trials == []
    assert memory.draw(RandomSampler(2), SPACE, None).number == 0


class TestInfeasible:
    @given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8), st.booleans())
    def test_is_worse_than_all_before_it(self, values: list[float], maximize: bool) -> None:
        memory = SamplerMemory([MAXIMIZE if maximize else MINIMIZE])
        for value in values:
            ended(memory, value)
        seen = ended(memory, state=State.INFEASIBLE)
        assert seen.state is COMPLETE
        assert seen.value is not None
        assert seen.value < min(values) if maximize else seen.value > max(values)
        assert seen.constraints == {"infeasible": 1.0}
        others = memory.optuna.trials[:-1]
        assert all(trial.constraints == {"infeasible": -1.0} for trial in others)

    def test_before_any_score_it_was_stopped(self) -> None:
        memory = SamplerMemory([MAXIMIZE])
        seen = ended(memory, state=State.INFEASIBLE)
        assert (seen.state, seen.constraints) == (PRUNED, {"infeasible": 1.0})

    def test_is_worse_by_every_objective(self) -> None:
        memory = SamplerMemory([MAXIMIZE, MINIMIZE])
        ended(memory, 0.5, 10.0)
        ended(memory, 0.7, 30.0)
        seen = ended(memory, state=State.INFEASIBLE)
        assert seen.values[0] < 0.5
        assert seen.values[1] > 30.0

    def test_a_score_that_is_not_finite_sets_no_measure(self) -> None:
        memory = SamplerMemory([MAXIMIZE])
        ended(memory, 0.5)
        ended(memory, -math.inf)
        seen = ended(memory, state=State.INFEASIBLE)
        assert seen.value == 0.0  # 0.5 less its own size


def test_without_any_infeasible_there_are_no_constraints() -> None:
    memory = SamplerMemory([MAXIMIZE])
    assert ended(memory, 0.5).constraints == {}


def test_of_several_objectives_a_stopped_trial_has_its_best_epoch() -> None:
    """Samplers know no curves of several objectives."""
    memory = SamplerMemory([MAXIMIZE, MINIMIZE])
    assert ended(memory, 0.5, 10.0, state=State.STOPPED).state is COMPLETE
    assert ended(memory, state=State.STOPPED).state is FAIL


def test_a_paused_trial_is_shown_as_pruned_until_it_is_resumed() -> None:
    memory = SamplerMemory([MAXIMIZE])
    trial = drawn(memory)
    memory.report(trial._trial_id, 1, 0.5)
    memory.pause(trial._trial_id)
    assert memory.optuna.trials[0].state is PRUNED
    memory.resume(trial._trial_id)
    assert memory.optuna.trials[0].state is TrialState.RUNNING
    memory.pause(trial._trial_id)
    memory.end(trial._trial_id, State.COMPLETE, COMPLETE, [0.5])
    assert memory.optuna.trials[0].state is COMPLETE


def test_trials_of_previous_sweeps_come_first_and_are_not_its_own() -> None:
    memory = SamplerMemory([MAXIMIZE])
    fed = [
        TrialRecord(
            id=f"{number:04d}",
            number=number,
            state=State.COMPLETE,
            params={"x": 0.5, "kind": "a"},
            epochs={1: {"accuracy": 0.5}, 2: {"accuracy": 0.6}},
        )
        for number in range(3)
    ]
    memory.feed(fed, SPACE, Objective("accuracy", True))
    ended(memory, 0.9)
    assert [trial.value for trial in memory.optuna.trials] == [0.6, 0.6, 0.6, 0.9]
    assert [trial.value for trial in memory.own.trials] == [0.9]


def test_what_a_sampler_stores_comes_back() -> None:
    memory = SamplerMemory([MAXIMIZE])
    memory.set_study_attr("nsga:generation", [1, 2])
    assert memory.study_attrs == {"nsga:generation": [1, 2]}
