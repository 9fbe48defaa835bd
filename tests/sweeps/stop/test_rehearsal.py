"""A rule in rehearsal lets as many trials go on as it is made to."""

from __future__ import annotations

import pytest

from sweeps.stop import Asha, Never, Patience, Promotion, Stop
from sweeps.stop.rehearsal import rehearse
from sweeps.stop.rule import Curves


def shares(rule: Stop, trials: int = 60, epochs: int = 9) -> list[float]:
    """The shares of the later half that go on after epochs 1 and 3."""
    late = [r.epochs for r in rehearse(rule, trials, epochs) if r.order >= trials / 2]
    return [sum(n > epoch for n in late) / len(late) for epoch in (1, 3)]


def test_asha_keeps_a_third_at_each_rung() -> None:
    assert shares(Asha(grace=1, factor=3)) == pytest.approx([1 / 3, 1 / 9], abs=0.12)


def test_promotion_keeps_no_more() -> None:
    first, second = shares(Promotion(grace=1, factor=3))
    assert 0.1 < first < 0.45
    assert second < first


def test_those_that_wait_are_promoted_until_none_may_be() -> None:
    """A third of 27 at least has passed the first rung, and one of the nine and three the others.

    Of any of them this is known only once the last has come.
    """
    found = rehearse(Promotion(grace=1, factor=3), 27, 27)[:27]
    assert [sum(r.epochs > rung for r in found) >= n for rung, n in ((1, 9), (3, 3), (9, 1))] == (
        [True] * 3
    )
    assert {r.order for r in found} == {26}


def test_patience_ends_few_of_trials_that_get_better() -> None:
    found = rehearse(Patience(patience=5, min_delta=0.0), 50, 12)
    assert sum(r.epochs == 12 for r in found) > 0.6 * len(found)


def test_the_first_of_all_is_spared() -> None:
    assert rehearse(Asha(grace=1, factor=3), 8, 9)[0].epochs == 9


def test_without_a_rule_all_go_on_and_few_trials_are_rehearsed_again() -> None:
    found = rehearse(Never(), 3, 5)
    assert {r.epochs for r in found} == {5}
    assert len(found) >= 100
    assert max(r.order for r in found) == 2


def test_a_long_training_ends_the_rehearsal_early() -> None:
    assert len(rehearse(Never(), 1000, 100_000)) == 1


def test_a_rule_that_cannot_judge_made_up_curves_has_no_rehearsal() -> None:
    class Broken:
        def judge(self, trial: str, epoch: int, curves: Curves) -> str | None:
            raise KeyError("the metric of mine")

    assert rehearse(Broken(), 8, 9) == ()
