"""What is drawn ahead is what would have been drawn when it is asked for, whatever came between."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.samplers import GPSampler, RandomSampler, TPESampler
from optuna.study import Study as OptunaStudy
from optuna.trial import FrozenTrial, TrialState

from sweeps import view
from sweeps.records import Objective, State, TrialRecord
from sweeps.search import Sampled, Setting
from sweeps.space import parse
from sweeps.study import Study

OBJECTIVE = Objective("accuracy", maximize=True)
SPACE = parse(
    OverridesParser.create().parse_overrides(["x=interval(0,1)", "kind=a,b,c"]), lambda key: ()
)
SETTING = Setting(SPACE, seed=3)
TPE = Sampled(
    partial(TPESampler, n_startup_trials=4, constant_liar=True, multivariate=True, group=True),
    SETTING,
)
GP = Sampled(partial(GPSampler, n_startup_trials=2, deterministic_objective=True), SETTING)
#: How trials end, in turns.
ENDS = (State.COMPLETE, State.STOPPED, State.FAILED, State.COMPLETE, State.INFEASIBLE)


def study(path: Path | None = None) -> Study:
    create = path is None or not path.exists()
    return Study(path, OBJECTIVE, SPACE, "s", create=create)


def end(study: Study, record: TrialRecord) -> None:
    state = ENDS[record.number % len(ENDS)]
    if state.scored:
        metrics = {"accuracy": float(record.params["x"]), "epoch_s": 1.0}  # type: ignore[arg-type]
        study.report(record.id, 1, metrics, "me", "here")
    study.end(record.id, state, "")


def one_at_a_time(study: Study, search: Sampled, count: int, prepare: bool) -> list[TrialRecord]:
    made = []
    for _ in range(count):
        made.append(record := study.propose(search, ahead=True))
        if prepare and ENDS[record.number % len(ENDS)] is not State.INFEASIBLE:
            study.prepare(search)
        end(study, record)
    return made


@pytest.mark.parametrize(("search", "bound"), [(TPE, 6), (TPE, 1_000), (GP, 2)])
def test_drawn_ahead_or_late_it_is_the_same(
    search: Sampled, bound: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With few trials shown, too: what the samplers see is the same then."""
    monkeypatch.setattr(view, "TPE_BOUND", bound)
    monkeypatch.setattr(view, "GP_BOUND", bound)
    monkeypatch.setattr(view, "_BEST", 3)
    count = 25 if search is TPE else 9
    ahead = one_at_a_time(study(), search, count, prepare=True)
    late = one_at_a_time(study(), search, count, prepare=False)
    assert [t.params for t in ahead] == [t.params for t in late]
    knowing = study()
    for _ in range(count):
        end(knowing, knowing.propose(search))
    assert [t.params for t in ahead] != [t.params for t in knowing.trials], "nothing was hidden"


def test_a_kill_in_between_changes_nothing(tmp_path: Path) -> None:
    """What was drawn and not asked for is on no record, and is drawn again."""
    calm = one_at_a_time(study(), TPE, 20, prepare=True)
    for _ in range(4):
        sitting = study(tmp_path / "study.log")
        one_at_a_time(sitting, TPE, 5, prepare=True)
        sitting.close()
    assert [t.params for t in study(tmp_path / "study.log").trials] == [t.params for t in calm]


def test_nobody_sees_it_before_it_is_asked_for() -> None:
    found = study()
    first = found.propose(TPE, ahead=True)
    found.prepare(TPE)
    found.prepare(TPE)
    assert found.count == 1
    assert found.trials == [first]
    second = found.propose(TPE, ahead=True)
    assert (found.count, second.number) == (2, 1)


def test_the_newest_is_only_taken_for_a_running_one_while_it_draws() -> None:
    found = study()
    for record in [found.propose(TPE, ahead=True) for _ in range(5)]:
        end(found, record)
    before = [t.state for t in found.optuna.trials]
    found.prepare(TPE)
    assert [t.state for t in found.optuna.trials] == [*before, TrialState.RUNNING]


def test_a_sampler_that_repeats_itself_is_replaced() -> None:
    """A Gaussian process whose optimum is the corner of the space proposes it for ever."""

    class Corner(RandomSampler):
        def sample_independent(
            self, study: OptunaStudy, trial: FrozenTrial, name: str, distribution: Any
        ) -> Any:
            return 1.0 if name == "x" else "a"

    found = study()
    corner = Sampled(Corner, SETTING)
    made = [found.propose(corner).params for _ in range(6)]
    assert made[0] == {"x": 1.0, "kind": "a"}
    assert len({tuple(params.items()) for params in made}) == 6
