"""No configuration is proposed twice, whatever the sampler says."""

from __future__ import annotations

from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.samplers import RandomSampler
from optuna.study import Study as OptunaStudy
from optuna.trial import FrozenTrial, TrialState

from sweeps.search.samplers import Sampled
from sweeps.search.search import Setting
from sweeps.space.grammar import parse
from sweeps.study.study import Study
from sweeps.trials import Objective, State
from trainers.errors import ConfigError

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


class TestASamplerOfSomebodyElses:
    def test_without_a_seed_proposes_for_a_whole_session(self) -> None:
        """What it remembers it may rely on, and it is told how each trial ends."""
        made: list[Remembering] = []

        def make() -> Remembering:
            made.append(Remembering())
            return made[-1]

        search = Sampled(make, Setting(SPACE))
        assert not search.seeded
        made.clear()
        found = Study(OBJECTIVE, SPACE)
        for _ in range(3):
            trial = found.propose(search).id
            found.report(trial, 1, {"accuracy": 0.5}, "", "")
            found.end(trial, State.COMPLETE)
        (one,) = made
        assert one.drawn == [0, 1, 2]
        assert one.ended == [(number, TrialState.COMPLETE, [0.5]) for number in range(3)]

    @pytest.mark.parametrize(
        ("value", "told"),
        [
            (1.5, "Says proposes x=1.5, which is not in the space: 0 to 1"),
            (float("nan"), "Says cannot propose: ValueError"),
            (RuntimeError("no\nmore"), "Says cannot propose: RuntimeError: no"),
        ],
    )
    def test_that_fails_in_the_middle_is_a_line_and_leaves_no_trial(
        self, value: Any, told: str
    ) -> None:
        class Says(Remembering):
            def sample_independent(self, *arguments: Any) -> Any:
                if arguments[1].number == 2 and arguments[2] == "x":
                    if isinstance(value, Exception):
                        raise value
                    return value
                return super().sample_independent(*arguments)

        found, search = Study(OBJECTIVE, SPACE), Sampled(Says, Setting(SPACE))
        before = [found.propose(search) for _ in range(2)]
        for _ in range(2):
            with pytest.raises(ConfigError) as refusal:
                found.propose(search)
            assert str(refusal.value).startswith(f"search: {told}")
            assert len(str(refusal.value).splitlines()) == 1
        assert found.trials == before
        assert len(found.optuna.trials) == 2
        assert found.propose(Sampled(RandomSampler, Setting(SPACE))).number == 2

    def test_that_fails_as_it_is_told_proposes_no_more(self) -> None:
        class Deaf(Remembering):
            def after_trial(self, *arguments: Any) -> None:
                raise KeyError("state")

        found, search = Study(OBJECTIVE, SPACE), Sampled(Deaf, Setting(SPACE))
        trial = found.propose(search).id
        assert found.end(trial, State.FAILED).state is State.FAILED
        with pytest.raises(ConfigError, match="Deaf cannot propose: KeyError"):
            found.propose(search)


class Remembering(RandomSampler):
    """A sampler that keeps in memory what it has done."""

    def __init__(self) -> None:
        super().__init__(7)
        self.drawn: list[int] = []
        self.ended: list[tuple[int, TrialState, Any]] = []

    def before_trial(self, study: OptunaStudy, trial: FrozenTrial) -> None:
        self.drawn.append(trial.number)

    def after_trial(
        self, study: OptunaStudy, trial: FrozenTrial, state: TrialState, values: Any
    ) -> None:
        assert trial.state is TrialState.RUNNING
        self.ended.append((trial.number, state, values))
