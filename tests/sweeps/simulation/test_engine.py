"""A simulation decides as a sweep would, and its clock adds up."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.checked.check import check
from sweeps.checked.sweep import Sweep
from sweeps.config.composition import compose
from sweeps.simulation import Curve, CurveSource, Generated, Simulated, baseline, simulate
from sweeps.stop import Asha
from sweeps.trials import State
from trainers.errors import ConfigError

Checked = Callable[..., Sweep]


def test_budgets_of_gpu_hours_are_simulated_whatever_the_cards_are(
    sweep: Callable[..., Sweep],
) -> None:
    for gpu in ("null", "auto", "0.5"):
        one = sweep(f"resources.gpu={gpu}", "budget.gpu_hours=1")
        assert simulate(one, generated(one), 1, seed=0).trials


def generated(sweep: Sweep, seed: int = 0) -> Generated:
    return Generated(sweep.space, 9, seed)


@dataclass(frozen=True)
class Made:
    """Gives every configuration the same curve."""

    made: Curve
    epochs: int = 9

    def curve(self, params: Mapping[str, Any]) -> Curve:
        return self.made

    def describe(self) -> list[str]:
        return []


class Asked:
    """Another source's curves, and in which order they were asked for."""

    def __init__(self, source: CurveSource) -> None:
        self.source, self.curves = source, list[Curve]()
        self.epochs = source.epochs

    def curve(self, params: Mapping[str, Any]) -> Curve:
        self.curves.append(self.source.curve(params))
        return self.curves[-1]

    def describe(self) -> list[str]:
        return []


@pytest.mark.parametrize("search", ["random", "tpe", "sobol"])
@pytest.mark.parametrize("stop", ["none", "asha", "median", "promotion", "pasha"])
def test_the_same_seed_gives_the_same_and_another_another(
    sweep: Checked, search: str, stop: str
) -> None:
    one = sweep(f"search={search}", f"stop={stop}", "budget.trials=30")
    first = simulate(one, generated(one), 4, seed=3)
    assert simulate(one, generated(one), 4, seed=3) == first
    assert simulate(one, generated(one), 4, seed=4) != first
    assert len(first.trials) == 30
    assert all(trial.state.scored for trial in first.trials)


def test_a_population_is_bred_and_its_children_go_on_from_where_it_was() -> None:
    space = ("optimizer.lr=tag(log,interval(1e-4,1e-1))", "model.dropout=interval(0.1,0.5)")
    words = ["space=null", "baseline=false", "search=random", "stop=pbt", "epochs=9", *space]
    with compose([*words, "budget.trials=8"]) as composition:
        one = check(composition)
    result = simulate(one, generated(one), 3, seed=0)
    assert simulate(one, generated(one), 3, seed=0) == result
    assert result.halted == ""
    assert result.epochs == 8 * 9 == result.full_epochs
    children = [trial for trial in result.trials if trial.source is not None]
    assert len(children) == 4 * 2  # after epochs 2, 4, 6 and 8
    for child in children:
        assert child.source is not None
        own = generated(one).curve(child.params).values
        values = [child.epochs[epoch]["val_accuracy"] for epoch in sorted(child.epochs)]
        assert values[child.source.epoch :] == list(own[child.source.epoch : child.last_epoch])


def test_one_worker_takes_as_long_as_all_epochs_do(sweep: Checked) -> None:
    one = sweep("budget.trials=12")
    source = Asked(generated(one))
    ran = simulate(one, source, 1, seed=0)
    assert ran.seconds == pytest.approx(sum(sum(curve.seconds) for curve in source.curves))
    assert ran.epochs == ran.full_epochs == 12 * 9
    assert ran.saved == 0.0
    assert ran.best == max(max(curve.values) for curve in source.curves)
    for trial, curve in zip(ran.trials, source.curves, strict=True):
        assert trial.state is State.COMPLETE
        assert [e["val_accuracy"] for e in trial.epochs.values()] == list(curve.values)
        assert trial.seconds == pytest.approx(sum(curve.seconds))


def test_more_workers_never_take_longer(sweep: Checked) -> None:
    one = sweep("budget.trials=40")
    times = [simulate(one, generated(one), workers, 0).seconds for workers in (1, 2, 3, 8, 40, 99)]
    assert times == sorted(times, reverse=True)
    assert times[0] > 2 * times[2]
    assert times[-1] == times[-2], "there is nothing for the others to do"


def test_workers_take_turns(sweep: Checked) -> None:
    """Five trials of 9 x 2 s on two workers: three rounds."""
    one = sweep("budget.trials=5")
    ran = simulate(one, Made(Curve((0.5,) * 9, (2.0,) * 9)), 2, 0)
    assert ran.seconds == 3 * 18.0
    assert [(step.seconds, step.epochs) for step in ran.trajectory] == [(2.0, 1)]


def judged(ran: Simulated, curves: list[Curve], workers: int, stop: Asha) -> list[int]:
    """How many epochs each trial runs by Asha.judge, events being in order of time."""
    seen: dict[int, dict[str, float]] = {}
    length = [0] * len(curves)
    running: list[tuple[float, int, int]] = []
    now, waiting, order = 0.0, list(range(len(curves))), 0
    while waiting or running:
        while waiting and len(running) < workers:
            trial = waiting.pop(0)
            running.append((now + curves[trial].seconds[0], order, trial))
            order += 1
        running.sort()
        now, _, trial = running.pop(0)
        length[trial] += 1
        epoch = length[trial]
        seen.setdefault(epoch, {})[str(trial)] = curves[trial].values[epoch - 1]
        if epoch < 9 and stop.judge(str(trial), epoch, seen) is None:
            running.append((now + curves[trial].seconds[epoch], order, trial))
            order += 1
    assert now == pytest.approx(ran.seconds)
    return length


@given(st.integers(1, 12), st.integers(0, 2**16))
def test_asha_decides_as_it_does_on_the_same_curves(workers: int, seed: int) -> None:
    from tests.sweeps.simulation.conftest import _checked

    one = _checked("stop=asha", "budget.trials=40")
    source = Asked(Generated(one.space, 9, seed))
    ran = simulate(one, source, workers, seed)
    assert isinstance(one.stop, Asha)
    expected = judged(ran, source.curves, workers, one.stop)
    assert [trial.last_epoch for trial in ran.trials] == expected
    assert ran.epochs == sum(expected)
    assert ran.saved == pytest.approx(1 - sum(expected) / (40 * 9))
    ends = {State.STOPPED: "asha", State.COMPLETE: ""}
    assert all(trial.reason.startswith(ends[trial.state]) for trial in ran.trials)


def test_trials_that_pause_go_on_where_they_were(sweep: Checked) -> None:
    one = sweep("stop=promotion", "budget.trials=30")
    source = generated(one)
    ran = simulate(one, source, 3, 0)
    for trial in ran.trials:
        curve = source.curve(trial.params)
        values = [trial.epochs[epoch]["val_accuracy"] for epoch in range(1, trial.last_epoch + 1)]
        assert values == list(curve.values[: trial.last_epoch])
        assert trial.seconds == pytest.approx(sum(curve.seconds[: trial.last_epoch]))
    lengths = [trial.last_epoch for trial in ran.trials]
    assert set(lengths) == {1, 3, 9}
    assert lengths.count(1) > lengths.count(3) > lengths.count(9)
    assert ran.epochs == sum(lengths), "nothing was trained twice"
    assert ran.full_epochs == 30 * 9


def test_hours_of_the_budget_are_simulated_ones(sweep: Checked) -> None:
    one = sweep("budget.trials=null", "budget.hours=1")
    ran = simulate(one, Made(Curve((0.5,) * 9, (70.0,) * 9)), 2, 0)
    assert ran.seconds == 52 * 70.0, "the epochs that ran then, each to its end"
    assert ran.took_s < 3600


def test_what_diverges_fails_and_many_in_a_row_end_it(sweep: Checked) -> None:
    one = sweep("budget.trials=50", "failures.in_a_row=3")
    ran = simulate(one, Made(Curve((0.1, 0.2), (1.0, 1.0, 5.0), "a loss of nan")), 1, 0)
    assert [t.state for t in ran.trials] == [State.DIVERGED] * 3
    assert {t.reason for t in ran.trials} == {"a loss of nan"}
    assert ran.seconds == 3 * 7.0
    assert "3 trials in a row have failed" in ran.halted


def test_a_value_that_is_no_number_is_never_the_best(sweep: Checked) -> None:
    one = sweep("budget.trials=1")
    values = (math.nan, 0.3, math.nan, 0.2, 0.4, 0.1, 0.1, 0.1, 0.1)
    ran = simulate(one, Made(Curve(values, (1.0,) * 9)), 1, 0)
    assert [step.best for step in ran.trajectory] == [0.3, 0.4]
    assert ran.reached(0.35) == ran.trajectory[1]
    assert ran.reached(0.3) == ran.trajectory[0]
    assert ran.reached(0.5) is None


def test_patience_counts(sweep: Checked) -> None:
    one = sweep("budget.trials=2", "patience=2")
    ran = simulate(one, Made(Curve((0.5, 0.6, *[0.1] * 7), (1.0,) * 9)), 1, 0)
    assert [t.last_epoch for t in ran.trials] == [4, 4]


def test_what_a_trial_must_meet_is_judged_and_costs_nothing(sweep: Checked) -> None:
    one = sweep("budget.trials=8", "require=['model.depth >= 2']")
    ran = simulate(one, generated(one), 2, 0)
    refused = [t for t in ran.trials if t.state is State.INFEASIBLE]
    assert refused
    assert {t.params["model.depth"] for t in refused} == {1}
    assert sum(t.state is State.COMPLETE for t in ran.trials) == 8
    assert ran.epochs == ran.full_epochs == 8 * 9


def test_lengths_may_vary(sweep: Checked) -> None:
    one = sweep("epochs=2,5", "budget.trials=8")
    ran = simulate(one, Made(Curve((0.5,) * 9, (1.0,) * 9)), 1, 0)
    assert {t.last_epoch for t in ran.trials} == {2, 5}
    assert [t.last_epoch for t in ran.trials] == [t.params["epochs"] for t in ran.trials]
    assert ran.saved == 0.0


def test_the_yardstick_is_random_search_with_every_epoch(sweep: Checked) -> None:
    one = sweep("search=tpe", "stop=asha", "budget.trials=500", "budget.epochs=40")
    alone = baseline(one, generated(one), 4, seed=1, trials=25)
    assert alone.epochs == 25 * 9
    random = sweep("budget.trials=25")
    assert alone.trajectory == simulate(random, generated(random), 4, 1).trajectory


def test_refuses_no_worker_and_curves_that_are_too_short(sweep: Checked) -> None:
    one = sweep("budget.trials=3")
    with pytest.raises(ConfigError, match="workers=0 must be a whole number of 1 or more"):
        simulate(one, generated(one), 0, 0)
    with pytest.raises(ConfigError, match="epochs=9 is more than the 4 that the curves have"):
        simulate(one, replace(generated(one), epochs=4), 1, 0)
    swept = sweep("epochs=3,11")
    with pytest.raises(ConfigError, match="epochs=11"):
        simulate(swept, generated(swept), 1, 0)
