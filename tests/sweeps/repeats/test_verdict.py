"""The verdict on the best trials after their reruns: the winner, its certainty, and luck."""

from __future__ import annotations

import pytest

from sweeps.repeats.plan import Candidate, Standing
from sweeps.repeats.verdict import rows, verdict, winner
from sweeps.trials import Objective, Ranked, State, TrialRecord

ACCURACY = Objective("val_accuracy", maximize=True)
LOSS = Objective("val_loss", maximize=False)


def candidate(number: int, score: float, *scores: float, dropped: bool = False) -> Candidate:
    trial = TrialRecord(f"{number:04}", number, State.COMPLETE)
    return Candidate(Ranked(trial, 1, score), dict(enumerate(scores)), dropped)


def standing(*candidates: Candidate, left: int = 0) -> Standing:
    due = tuple(("0000", seed) for seed in range(left))
    return Standing(candidates, due, False, False, left)


LUCKY = candidate(7, 0.985, 0.970, 0.972, 0.971)
SOLID = candidate(3, 0.984, 0.980, 0.981, 0.982)


class TestWinner:
    def test_has_the_best_mean_not_the_best_score(self) -> None:
        assert winner(standing(LUCKY, SOLID), ACCURACY) is SOLID
        assert winner(standing(LUCKY, SOLID), LOSS) is LUCKY

    def test_is_nobody_before_the_end(self) -> None:
        assert winner(standing(LUCKY, SOLID, left=1), ACCURACY) is None
        assert verdict(standing(LUCKY, SOLID, left=1), ACCURACY, 40) == [
            "not over: 1 more to begin, so there is no winner yet"
        ]

    def test_has_two_scores_or_more(self) -> None:
        one = candidate(1, 0.99, 0.999)
        assert winner(standing(one, LUCKY), ACCURACY) is LUCKY
        assert winner(standing(one), ACCURACY) is None
        assert verdict(standing(one), ACCURACY, 40) == [
            "no winner: none of the reruns has two new scores"
        ]

    def test_was_not_dropped(self) -> None:
        early = candidate(1, 0.99, 0.99, 0.99, dropped=True)
        assert winner(standing(early, LUCKY), ACCURACY) is LUCKY


def test_rows_have_the_winner_first_and_the_dropped_last() -> None:
    early = candidate(1, 0.97, 0.999, 0.9, dropped=True)
    single = candidate(2, 0.98, 0.9999)
    none = candidate(5, 0.98)
    table = rows(standing(LUCKY, SOLID, single, early, none), ACCURACY)
    assert [row.trial for row in table] == ["0003", "0007", "0001", "0002"]
    first = table[0]
    assert (first.score, first.seeds, first.mean) == (0.984, 3, pytest.approx(0.981))
    assert first.high - first.mean == pytest.approx(4.302653 * 0.001 / 3**0.5)  # t, 2 degrees


class TestVerdict:
    def test_tells_the_luck_in_the_best_score(self) -> None:
        sentences = verdict(standing(LUCKY, SOLID), ACCURACY, 40)
        assert sentences[0] == (
            "0.9850 (0007) was the best of 40 scores; run again: 0.9710 ± 0.0025"
        )
        assert sentences[1] == "0003 wins: 0.9810 ± 0.0025"

    def test_takes_the_same_difference_each_time_for_no_proof(self) -> None:
        """Its interval has no width, though two seeds say little."""
        shifted = candidate(3, 0.984, *(s + 0.01 for s in LUCKY.scores.values()))
        assert verdict(standing(LUCKY, shifted), ACCURACY, 40)[2] == (
            "0003 is better than 0007 by 0.0100 with each of 3 seeds, which does not tell how much "
            "of that is chance"
        )

    def test_tells_two_apart(self) -> None:
        steady = candidate(3, 0.984, 0.9805, 0.9815, 0.9822)
        assert verdict(standing(LUCKY, steady), ACCURACY, 40)[2] == (
            "0003 and 0007 are told apart: over 3 seeds 0003 is better by 0.0104 ± 0.0021"
        )

    def test_says_when_they_cannot_be_told_apart(self) -> None:
        close = candidate(3, 0.984, 0.971, 0.970, 0.975)
        assert verdict(standing(LUCKY, close), ACCURACY, 40)[2] == (
            "0003 and 0007 cannot be told apart: over 3 seeds 0003 is better by 0.0010 ± 0.0075 "
            "(to be sure of that much takes about 38 seeds)"
        )

    def test_the_difference_is_positive_where_less_is_better(self) -> None:
        steady = candidate(3, 0.984, 0.9805, 0.9815, 0.9815)
        sentences = verdict(standing(LUCKY, steady), LOSS, 40)
        assert "0007 and 0003 are told apart: over 3 seeds 0007 is better by 0.0102" in sentences[2]

    def test_of_equals_nothing_would_tell(self) -> None:
        twin = candidate(3, 0.984, *LUCKY.scores.values())
        sentences = verdict(standing(LUCKY, twin), ACCURACY, 40)
        assert sentences[2].endswith("cannot be told apart: over 3 seeds their means are the same")

    def test_a_rounding_error_is_no_lead(self) -> None:
        a, b = candidate(3, 0.984, 0.1 + 0.2, 0.6), candidate(4, 0.983, 0.6, 0.3)
        (told,) = verdict(standing(a, b), ACCURACY, 40)[2:]
        assert told == "0003 and 0004 cannot be told apart: over 2 seeds their means are the same"

    def test_of_one_alone_is_its_score(self) -> None:
        assert verdict(standing(SOLID), ACCURACY, 40) == [
            "0.9840 (0003) was the best of 40 scores; run again: 0.9810 ± 0.0025"
        ]

    def test_where_all_others_were_dropped(self) -> None:
        early = candidate(1, 0.97, 0.9, 0.91, dropped=True)
        assert "the others were dropped early" in verdict(standing(SOLID, early), ACCURACY, 40)[2]
