"""When a sweep will end: by hand, by its laws, and against simulated sweeps that have ended."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.checked.check import check
from sweeps.checked.sweep import Sweep
from sweeps.config.composition import compose
from sweeps.console.eta import ENOUGH, TrialProgress, Waiting, eta
from sweeps.console.status import Overview, Status
from sweeps.driver.observer import Observer
from sweeps.simulation import Generated
from sweeps.simulation.engine import _Simulation
from sweeps.stop import Never
from sweeps.stop.rehearsal import rehearse
from sweeps.trials import TrialRecord

NOBODY = Waiting(0, 0, 10)


def ran(epochs: int, epoch_s: float = 3.0) -> TrialProgress:
    return TrialProgress(epochs, 10, epoch_s)


def runs(epochs: int, epoch_s: float = 3.0, waited_s: float = 0.0) -> TrialProgress:
    return TrialProgress(epochs, 10, epoch_s, waited_s, runs=True)


@pytest.mark.parametrize(
    ("known", "waiting", "slots", "expected"),
    [
        ([], NOBODY, 2, 0.0),  # nothing to do
        ([ran(10)], NOBODY, 2, 0.0),
        ([runs(4)], NOBODY, 1, 18.0),  # to its last epoch
        ([runs(4), runs(8)], NOBODY, 2, 18.0),  # the longer of the two
        ([runs(4, waited_s=2.0)], NOBODY, 1, 16.0),
        ([runs(9, waited_s=90.0)], NOBODY, 1, 0.0),  # overdue
        ([ran(10)] * 9, Waiting(4, 0, 10), 2, 60.0),  # two rounds in two slots
        ([ran(10)] * 9, Waiting(1, 0, 10), 2, 30.0),  # half the work, yet not half the time
        ([ran(10)] * 9, Waiting(0, 4, 10), 2, 60.0),  # repeats
        ([ran(10)] * 9, Waiting(2, 0, 10, between_s=5.0), 1, 70.0),
        ([ran(10)] * 9, Waiting(1000, 0, 10), 10, 3000.0),  # more than are laid out one by one
    ],
)
def test_what_is_sure_is_in_the_middle_of_a_narrow_range(
    known: list[TrialProgress], waiting: Waiting, slots: int, expected: float
) -> None:
    estimate = eta(known, waiting, slots)
    assert estimate is not None
    low, high = estimate
    assert 0.6 * expected <= low <= expected <= high <= 1.7 * expected + 1e-9


def test_without_any_epoch_there_is_nothing_to_judge_by() -> None:
    assert eta([], Waiting(3, 0, 10), 2) is None
    assert eta([runs(0, 0.0)], NOBODY, 2) is None


def test_those_that_wait_go_the_way_of_those_that_were_stopped() -> None:
    """Of 40 that ended 36 were stopped after an epoch: 20 more in a slot are some 60 epochs."""
    known = [ran(1)] * 36 + [ran(10)] * 4
    estimate = eta(known[::-1], Waiting(20, 0, 10, rehearsed=[1] * 9 + [10]), 1)
    assert estimate is not None
    assert estimate[0] < 3.0 * (18 + 20) < estimate[1] < 3.0 * 200 / 2


def test_before_any_trial_was_stopped_the_rehearsal_speaks() -> None:
    """The first two run to their end under most rules, and tell nothing about the others."""
    known = [runs(9), runs(9)]
    rehearsed = eta(known, Waiting(22, 0, 10, rehearsed=[1] * 9 + [10]), 2)
    alone = eta(known, Waiting(22, 0, 10), 2)
    assert rehearsed is not None
    assert alone is not None
    assert rehearsed[0] < alone[0] / 2


@given(
    st.lists(
        st.builds(TrialProgress, st.integers(1, 10), st.just(10), st.floats(0, 1e4)), max_size=8
    ),
    st.lists(
        st.builds(
            TrialProgress,
            st.integers(0, 10),
            st.just(10),
            st.floats(0, 1e4),
            st.floats(0, 1e4),
            st.just(True),
        ),
        max_size=4,
    ),
    st.integers(0, 150),
    st.integers(0, 5),
    st.lists(st.integers(1, 10), max_size=5),
    st.integers(4, 6),
)
@settings(max_examples=50)
def test_a_range_is_one(
    ended: list[TrialProgress],
    running: list[TrialProgress],
    waiting: int,
    full: int,
    rehearsed: list[int],
    slots: int,
) -> None:
    estimate = eta([*ended, *running], Waiting(waiting, full, 10, rehearsed), slots)
    if estimate is None:
        assert not any(trial.epochs for trial in (*ended, *running))
        return
    low, high = estimate
    assert 0 <= low <= high < np.inf
    assert eta([*ended, *running], Waiting(waiting, full, 10, rehearsed), slots) == estimate


class Watch(Observer):
    """Asks half-way between two events how long a simulated sweep will take."""

    def __init__(self, status: Status, simulation: _Simulation) -> None:
        self._status, self._clock, self._last = status, simulation._clock, 0.0
        self._events = 0
        self.seen: list[tuple[float, float, float]] = []

    def started(self, trial: TrialRecord) -> None:
        self._status.start(trial, "", self._clock())

    def epoch(self, trial: str, epoch: int, metrics: Mapping[str, float], place: str) -> None:
        now, between = self._clock(), (self._last + self._clock()) / 2
        self._events += 1
        if now > self._last and self._events % 8 == 0 and (left := self._status.left_s(between)):
            self.seen.append((between, *left))
        self._last = now
        self._status.epoch(trial, epoch, metrics, place, now)

    def paused(self, trial: str) -> None:
        self._status.pause(trial)

    def ended(self, trial: TrialRecord) -> None:
        self._status.end(trial, self._clock())


def watched(sweep: Sweep, slots: int, seed: int) -> list[tuple[float, float, float]]:
    """What was foretold of a sweep, and what came: (truth, least, most), at each 8th epoch."""
    trials, epochs, rule = sweep.trials, sweep.longest, sweep.rules.stop
    assert trials is not None
    overview = Overview(
        "s", sweep.objective, "random", sweep.choice("stop"), "", trials, epochs, slots,
        rehearsed=() if isinstance(rule, Never) else rehearse(rule, trials, epochs),
    )  # fmt: skip
    simulation = _Simulation(sweep, Generated(sweep.space, epochs, seed), slots, seed)
    watch = Watch(Status(overview, [], 0.0), simulation)
    simulation._driver._observer = watch
    simulation.run()
    end = simulation._clock()
    return [(end - now, low, high) for now, low, high in watch.seen if now < 0.98 * end]


#: Trials, epochs, slots and first seed of sweeps on which nothing was tuned.
HELD_OUT = [(32, 15, 3, 1100), (60, 9, 5, 1200), (12, 30, 2, 1300), (24, 20, 4, 1400)]


@pytest.mark.parametrize(
    "stop", ["asha", "hyperband", "median", "none", "pasha", "promotion", "several"]
)
def test_the_end_is_mostly_within_the_range_and_the_range_says_something(stop: str) -> None:
    """Of these moments it holds for 0.90 to 1.00, by rule; of more sweeps for 0.85 to 0.97."""
    within, highs, lows = [], [], []
    for trials, epochs, slots, first in HELD_OUT:
        words = (
            "space=null", "baseline=false", "optimizer.lr=tag(log,interval(1e-4,1e-1))",
            "model.depth=1,2,3", "search=random", f"epochs={epochs}", f"budget.trials={trials}",
            f"stop={stop}",
        )  # fmt: skip
        with compose(words) as composition:
            sweep = check(composition)
        for seed in (first, first + 1):
            truth, low, high = np.array(watched(sweep, slots, seed)).T
            within.append(np.mean((low <= truth) & (truth <= high)))
            highs.append(np.median(high / truth))
            lows.append(np.median(low / truth))
    assert np.mean(within) > 0.85
    assert np.median(highs) < 3
    assert np.median(lows) > 0.3


class CountedProgress(TrialProgress):
    """Counts how often the epochs of any trial are asked for."""

    reads = 0

    def __getattribute__(self, name: str) -> object:
        if name == "epochs":
            CountedProgress.reads += 1
        return super().__getattribute__(name)


def many(trials: int) -> list[TrialProgress]:
    """Trials most of which a rule has stopped, and the last three of which run."""
    random = np.random.default_rng(trials)
    epochs = random.choice([1, 3, 9, 10], p=[0.66, 0.22, 0.08, 0.04], size=trials).tolist()
    pace = random.lognormal(1.0, 0.5, trials).tolist()
    ended = [CountedProgress(e, 10, s) for e, s in zip(epochs, pace, strict=True)]
    return [*ended, *(CountedProgress(2, 10, 3.0, runs=True) for _ in range(3))]


@pytest.mark.parametrize("trials", [400, 1500])
@pytest.mark.parametrize("rehearsed", [(), (1, 1, 1, 1, 3, 3, 9, 10)])
def test_of_very_many_trials_some_say_the_same_as_all(
    trials: int, rehearsed: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    known, waiting = many(trials), Waiting(80, 0, 10, rehearsed)
    some = eta(known, waiting, 3)
    monkeypatch.setattr("sweeps.console.eta.ENOUGH", trials + 3)
    everyone = eta(known, waiting, 3)
    assert some is not None
    assert everyone is not None
    assert some != everyone
    assert some[0] < sum(everyone) / 2 < some[1]
    assert everyone[0] < sum(some) / 2 < everyone[1]
    assert some == pytest.approx(everyone, rel=0.25)


def test_very_many_trials_are_not_gone_through_one_by_one() -> None:
    reads = []
    for trials in (ENOUGH - 3, 20 * ENOUGH):
        known, CountedProgress.reads = many(trials), 0
        eta(known, Waiting(80, 0, 10), 3)
        reads.append(CountedProgress.reads)
    assert 0 < reads[1] < 1.1 * reads[0]
