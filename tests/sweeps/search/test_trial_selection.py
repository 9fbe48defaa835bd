"""What bounded samplers see: all that decides, and of the rest an even part."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import GPSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.samplers._tpe.sampler import _split_trials, default_gamma
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweeps.search import trial_selection
from sweeps.search.samplers import Sampled
from sweeps.search.search import Setting
from sweeps.search.trial_selection import TrialSelector
from sweeps.space.grammar import parse
from sweeps.study.open import open_study
from sweeps.study.study import Study
from sweeps.trials import Objective, State, TrialRecord

OBJECTIVE = Objective("accuracy", maximize=True)
SPACE = parse(
    OverridesParser.create().parse_overrides(["x=interval(0,1)", "kind=a,b,c"]), lambda key: ()
)
SOME = st.integers(-3, 3).map(float)  # few, so that there are ties


def trial(number: int, state: TrialState, value: float = 0.0, **told: object) -> FrozenTrial:
    made = create_trial(
        state=state,
        values=[value] if state is TrialState.COMPLETE else None,
        params={"x": 0.5},
        distributions={"x": FloatDistribution(0, 1)},
        **told,  # type: ignore[arg-type]
    )
    made.number = number
    return made


@st.composite
def histories(draw: st.DrawFn) -> list[FrozenTrial]:
    """Trials of every kind that samplers meet."""
    made = []
    kinds = draw(
        st.lists(
            st.sampled_from(("complete", "pruned", "bad", "runs", "fails")), min_size=1, max_size=80
        )
    )
    for number, kind in enumerate(kinds):
        value = draw(SOME)
        if kind == "complete":
            one = trial(number, TrialState.COMPLETE, value, constraints={"infeasible": -1.0})
        elif kind == "bad":
            one = trial(number, TrialState.COMPLETE, value, constraints={"infeasible": 1.0})
        elif kind == "pruned":
            last = draw(st.integers(0, 3))
            values = {e: draw(SOME | st.just(math.nan)) for e in range(1, last + 1)}
            one = trial(number, TrialState.PRUNED, intermediate_values=values)
        else:
            one = trial(number, TrialState.RUNNING if kind == "runs" else TrialState.FAIL)
        made.append(one)
    return made


def kept(trials: list[FrozenTrial], maximize: bool = True) -> TrialSelector:
    """They begin in order; those that end do so in another."""
    found = TrialSelector(StudyDirection.MAXIMIZE if maximize else StudyDirection.MINIMIZE)
    for one in trials:
        found.running(one.number)
    for one in reversed(trials):
        if one.state.is_finished():
            found.finished(one)
    return found


def small(monkeypatch: pytest.MonkeyPatch, bound: int = 12, best: int = 5) -> None:
    monkeypatch.setattr(trial_selection, "TPE_BOUND", bound)
    monkeypatch.setattr(trial_selection, "GP_BOUND", bound)
    monkeypatch.setattr(trial_selection, "_BEST", best)
    monkeypatch.setattr(trial_selection, "_NEWEST", 3)


@given(histories(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_tpe_takes_the_same_trials_for_good(trials: list[FrozenTrial], maximize: bool) -> None:
    """Optuna's own division of what is seen, and of everything."""
    with pytest.MonkeyPatch.context() as patch:
        small(patch)
        sampler = TPESampler(seed=0)
        selection = kept(trials, maximize).select(sampler)
        states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
        everything = [t for t in trials if t.state in states]
        if selection is None:
            assert len(everything) <= 12
            return
        assert len(everything) > 12
        selection.prepare(sampler)
        finished = sum(t.state is not TrialState.RUNNING for t in everything)
        assert selection.finished == finished
        assert sampler._gamma is not None
        assert sampler._gamma(7) == default_gamma(finished)
        good = min(default_gamma(finished), 5)
        study = optuna.create_study(direction="maximize" if maximize else "minimize")
        seen = [trials[n] for n in selection.numbers]
        assert all(t.state in states for t in seen)
        expected, _ = _split_trials(study, everything, good)
        found, rest = _split_trials(study, seen, good)
        assert [t.number for t in found] == [t.number for t in expected]
        assert len(rest) <= 12 + 5 + 3


@given(histories(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_what_is_seen_is_a_function_of_the_trials(
    trials: list[FrozenTrial], random: object
) -> None:
    """As after a kill: the record is read in order, and some end in another."""
    with pytest.MonkeyPatch.context() as patch:
        small(patch)
        read = TrialSelector(StudyDirection.MAXIMIZE)
        for one in trials:
            if one.state is TrialState.RUNNING:
                read.running(one.number)
            else:
                read.finished(one)
        for sampler in (TPESampler(seed=0), GPSampler(seed=0)):
            assert read.select(sampler) == kept(trials).select(sampler)


@given(histories(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_what_was_stopped_and_goes_on_is_as_if_it_had_run_all_along(
    trials: list[FrozenTrial], random: Any
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        small(patch)
        found = kept(trials)
        for one in trials:
            if one.state is TrialState.RUNNING and random.random() < 0.5:
                stopped = trial(one.number, TrialState.PRUNED, intermediate_values={1: 0.5})
                found.finished(stopped)
                found.resumed(stopped)
        for sampler in (TPESampler(seed=0), GPSampler(seed=0)):
            assert found.select(sampler) == kept(trials).select(sampler)


NAMES = ("lr", "momentum", "width", "width2", "width3")


@given(
    st.lists(
        st.tuples(st.sets(st.sampled_from(NAMES)), st.sampled_from(("ends", "fails", "resumes"))),
        max_size=12,
    ),
    st.randoms(use_true_random=False),
)
@settings(max_examples=300, deadline=None)
def test_tpe_is_told_what_exists_together_as_optuna_finds_out(
    kinds: list[tuple[set[str], str]], random: Any
) -> None:
    """The same groups in the same order, which is that of the random numbers."""
    study = optuna.create_study()
    found = TrialSelector(StudyDirection.MINIMIZE)
    made = []
    for names, fate in kinds:
        space = {name: FloatDistribution(0, 1) for name in sorted(names)}
        one = create_trial(
            state=TrialState.FAIL if fate == "fails" else TrialState.PRUNED,
            params=dict.fromkeys(space, 0.5),
            distributions=space,
        )
        if fate != "resumes":
            study.add_trial(one)
            one.number = len(study.trials) - 1
            made.append(one)
        else:
            study.ask(space)
            one.number = len(study.trials) - 1
            found.finished(one)
            found.resumed(one)
    for one in random.sample(made, len(made)):
        found.finished(one)
    with pytest.warns(ExperimentalWarning):
        sampler = TPESampler(multivariate=True, group=True)
    own = sampler._group_decomposed_search_space
    found.prepare(sampler)
    told = sampler._group_decomposed_search_space
    assert own is not None
    assert told is not None
    assert told is not own
    theirs, ours = own.calculate(study), told.calculate(study)
    assert ours.search_spaces == theirs.search_spaces


def test_the_rest_is_even_over_time() -> None:
    for count in (2_000, 8_000):
        numbers = kept([trial(n, TrialState.PRUNED) for n in range(count)]).select(TPESampler())
        assert numbers is not None
        tenths = [0] * 10
        for number in numbers.numbers[25:]:  # equals: the first 25 are the best
            tenths[10 * number // count] += 1
        even = trial_selection.TPE_BOUND / 10
        assert all(abs(n - even) <= 8 for n in tenths[1:])


@pytest.mark.parametrize("every", [2, 4, 8, 16])
def test_the_rest_is_of_every_slot(every: int) -> None:
    """With so many slots, trials of one slot tend to have every so-manieth number."""
    view_ = kept([trial(n, TrialState.PRUNED) for n in range(4_000)])
    selection = view_.select(TPESampler())
    assert selection is not None
    of_slots = [sum(n % every == slot for n in selection.numbers) for slot in range(every)]
    share = len(selection.numbers) / every
    assert 0.6 * share < min(of_slots) <= max(of_slots) < 1.6 * share


def test_what_is_taken_back_was_never_there() -> None:
    trials = [trial(n, TrialState.COMPLETE, n) for n in range(300)]
    found, other = kept(trials), kept(trials)
    found.running(300)
    found.forget(300)
    assert found.select(TPESampler()) == other.select(TPESampler())


def test_running_trials_are_seen_first_of_all_the_newest() -> None:
    """Those that wait to be promoted run too, on record, and may be thousands."""
    found = kept([trial(n, TrialState.RUNNING) for n in range(2_000)])
    selection = found.select(TPESampler())
    assert selection is not None
    assert set(range(1_968, 2_000)) <= set(selection.numbers)
    assert len(selection.numbers) <= trial_selection.TPE_BOUND + 32


def test_a_gaussian_process_sees_complete_trials() -> None:
    states = (TrialState.PRUNED, TrialState.PRUNED, TrialState.COMPLETE)
    trials = [trial(n, states[n % 3], n) for n in range(900)]
    selection = kept(trials).select(GPSampler())
    assert selection is not None
    complete = [n for n in selection.numbers if trials[n].state is TrialState.COMPLETE]
    assert len(complete) >= trial_selection.GP_BOUND
    assert set(complete) >= set(range(899, 830, -3))  # the best


@pytest.mark.parametrize("make", [RandomSampler, NSGAIISampler])
def test_others_see_everything(make: Callable[[], optuna.samplers.BaseSampler]) -> None:
    found = kept([trial(n, TrialState.COMPLETE, n) for n in range(1_000)])
    assert found.select(make()) is None


class Spy(TPESampler):
    """Keeps what it was last shown."""

    seen: tuple[int, ...] = ()

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, Any]
    ) -> dict[str, Any]:
        Spy.seen = tuple(t.number for t in study.get_trials(deepcopy=False))
        return super().sample_relative(study, trial, search_space)


class TestInAStudy:
    SEARCH = Sampled(Spy, Setting(SPACE, seed=3))

    def go_on(self, study: Study, trials: int) -> list[TrialRecord]:
        """One at a time; a third is stopped, and one in ten fails."""
        made = []
        for _ in range(trials):
            record = study.propose(self.SEARCH)
            made.append(record)
            if record.number % 10 == 9:
                study.end(record.id, State.FAILED, "test")
                continue
            value = float(record.params["x"])  # type: ignore[arg-type]
            study.report(record.id, 1, {"accuracy": value, "epoch_s": 1.0}, "me", "here")
            state = State.STOPPED if record.number % 3 else State.COMPLETE
            study.end(record.id, state, "")
        return made

    def test_only_while_it_draws(self, monkeypatch: pytest.MonkeyPatch) -> None:
        small(monkeypatch)
        study = Study(OBJECTIVE, SPACE)
        self.go_on(study, 41)
        assert 12 < len(Spy.seen) <= 12 + 5 + 1
        assert Spy.seen[-1] == 40  # what is being drawn
        assert len(study.optuna.get_trials()) == 41

    def test_up_to_the_bound_nothing_changes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        small(monkeypatch, bound=30)
        bounded = self.go_on(Study(OBJECTIVE, SPACE), 40)
        small(monkeypatch, bound=1_000)
        free = self.go_on(Study(OBJECTIVE, SPACE), 40)
        same = [a.params == b.params for a, b in zip(bounded, free, strict=True)]
        assert all(same[:31])
        assert not all(same)

    def test_a_reopened_study_decides_the_same(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        small(monkeypatch)
        alone = self.go_on(Study(OBJECTIVE, SPACE), 40)
        made: list[TrialRecord] = []
        for create in (True, False, False, False):
            study = open_study(tmp_path / "study.log", OBJECTIVE, SPACE, "s", create=create)
            made += self.go_on(study, 10)
            study.close()
        assert [t.params for t in made] == [t.params for t in alone]
