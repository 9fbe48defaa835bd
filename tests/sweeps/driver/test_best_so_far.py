"""The best so far is what the records say, whatever the order of events."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.driver.best_so_far import BestSoFar
from sweeps.trials import Objective, State, TrialRecord, ranking
from tests.sweeps.driver.test_budget import ACCURACY, INF, LOSS, NAN, trial


class TestBestSoFar:
    @pytest.mark.parametrize(
        ("trials", "best", "fruitless"),
        [
            ([], None, 0),
            ([(State.RUNNING,)], None, 0),
            ([(State.RUNNING, 0.5)], 0.5, 0),
            ([(State.COMPLETE, 0.5), (State.STOPPED, 0.4), (State.STOPPED, 0.3)], 0.5, 2),
            ([(State.STOPPED, 0.4), (State.COMPLETE, 0.5), (State.STOPPED, 0.5)], 0.5, 1),  # a tie
            ([(State.STOPPED, 0.4), (State.RUNNING, 0.5), (State.STOPPED, 0.4)], 0.5, 1),
            ([(State.COMPLETE, 0.5), (State.FAILED, 0.9), (State.DIVERGED, 0.9)], 0.5, 0),
            ([(State.COMPLETE, 0.5), (State.INFEASIBLE,), (State.RUNNING, 0.1)], 0.5, 0),
            ([(State.COMPLETE, NAN, 0.5), (State.STOPPED, NAN)], 0.5, 1),
            ([(State.STOPPED, NAN), (State.STOPPED, NAN)], None, 2),
        ],
    )
    def test_by_hand(
        self, trials: list[tuple[State, float]], best: float | None, fruitless: int
    ) -> None:
        lead = BestSoFar(ACCURACY, [trial(number, *t) for number, t in enumerate(trials)])
        assert (lead.value, lead.fruitless) == (best, fruitless)

    def test_of_a_loss(self) -> None:
        trials = [trial(n, State.STOPPED, value) for n, value in enumerate([0.5, 0.2, 0.3])]
        lead = BestSoFar(LOSS, trials)
        assert (lead.value, lead.fruitless) == (0.2, 1)

    @given(data=st.data(), maximize=st.booleans())
    def test_events_in_any_order_come_to_what_the_records_say(
        self, data: st.DataObject, maximize: bool
    ) -> None:
        """Trials that run beside each other, some of which fail, told epoch by epoch."""
        values = st.lists(st.sampled_from([NAN, 0.1, 0.2, 0.3, 0.4, INF]), max_size=4)
        ends = st.sampled_from([State.RUNNING, State.STOPPED, State.FAILED, State.INFEASIBLE])
        curves = data.draw(st.lists(st.tuples(values, ends), max_size=6))
        objective = Objective("a", maximize)
        turns = [n for n, (curve, _) in enumerate(curves) for _ in range(len(curve) + 1)]
        told = [0] * len(curves)
        lead, records = BestSoFar(objective, []), dict[int, TrialRecord]()
        for number in data.draw(st.permutations(turns)):
            curve, end = curves[number]
            told[number] += 1
            state = end if told[number] > len(curve) else State.RUNNING
            records[number] = trial(number, state, *curve[: told[number]])
            lead.update(records[number])
            # The slow way: who leads is who ranks first were all that run scored now.
            alive = [
                replace(t, state=State.STOPPED)
                for t in records.values()
                if t.state in (State.RUNNING, State.STOPPED)
            ]
            first = next(iter(ranking(alive, objective)), None)
            after = -1 if first is None else first.trial.number
            assert lead.value == (None if first is None else first.value)
            assert lead.fruitless == sum(
                t.state is State.STOPPED and t.number > after for t in records.values()
            )
