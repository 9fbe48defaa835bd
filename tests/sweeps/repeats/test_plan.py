"""Which repeat comes next: from the records alone, in rounds, whatever the number of slots."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.repeats.plan import Standing, fresh_seeds, stand
from sweeps.repeats.settings import Repeats
from sweeps.trials import Objective, Source, State, TrialRecord

ACCURACY = Objective("val_accuracy", maximize=True)
SEARCH = (0.5, 0.9, 0.7, 0.8)  # scores of four trials: 0001, 0003, 0002, 0000


def record(
    number: int, value: float | None, source: Source | None = None, state: State = State.COMPLETE
) -> TrialRecord:
    epochs = {} if value is None else {1: {"val_accuracy": value}}
    return TrialRecord(f"{number:04}", number, state, epochs=epochs, source=source)


def searched(*values: float) -> list[TrialRecord]:
    return [record(number, value) for number, value in enumerate(values or SEARCH)]


def at(repeats: Repeats, trials: list[TrialRecord], objective: Objective = ACCURACY) -> Standing:
    return stand(repeats, trials, objective, seed=0)


def dropped(standing: Standing) -> list[str]:
    return [c.ranked.trial.id for c in standing.candidates if c.dropped]


Score = Callable[[str, int], float | None]  # candidate, turn -> its score; None: it fails


def play(
    repeats: Repeats, score: Score, slots: int = 1, order: random.Random | None = None
) -> tuple[list[tuple[str, int]], Standing]:
    """Run all repeats, so many at a time, ending in any order: what was run, and where it ends."""
    trials = searched()
    turns = {seed: turn for turn, seed in enumerate(fresh_seeds(repeats, 0), 1)}
    ran: list[tuple[str, int]] = []
    running: list[int] = []
    while True:
        standing = at(repeats, trials)
        while standing.due and len(running) < slots:
            one, seed = standing.due[0]
            ran.append((one, turns[seed]))
            running.append(len(trials))
            trials.append(record(len(trials), None, Source(one, seed=seed), State.RUNNING))
            standing = at(repeats, trials)
        if not running:
            assert standing.over
            return ran, standing
        number = running.pop(order.randrange(len(running)) if order else 0)
        source = trials[number].source
        assert source is not None
        assert source.seed is not None
        value = score(source.trial, turns[source.seed])
        state = State.FAILED if value is None else State.COMPLETE
        trials[number] = record(number, value, source, state)


class TestRounds:
    def test_the_best_first_each_with_the_same_seeds(self) -> None:
        ran, _ = play(Repeats(top=3, race=False), lambda one, turn: 0.5)
        assert ran == [(one, turn) for turn in (1, 2, 3) for one in ("0001", "0003", "0002")]

    def test_the_lowest_where_less_is_better(self) -> None:
        loss = Objective("val_accuracy", maximize=False)
        standing = at(Repeats(top=2), searched(), loss)
        assert [one for one, _ in standing.due[:2]] == ["0000", "0002"]

    def test_none_unless_asked_for(self) -> None:
        assert at(Repeats(), searched()).over
        assert at(Repeats(top=3), []).over

    def test_fewer_where_fewer_have_a_score(self) -> None:
        trials = [record(0, 0.5), record(1, 0.9, state=State.FAILED)]
        assert {one for one, _ in at(Repeats(top=3), trials).due} == {"0000"}

    def test_seeds_are_others_than_the_sweeps_and_each_others(self) -> None:
        seeds = fresh_seeds(Repeats(top=1, seeds=50), 0)
        assert len({0, *seeds}) == 51
        assert not set(fresh_seeds(Repeats(top=1, seeds=50), 1)) & set(seeds)
        assert fresh_seeds(Repeats(top=1, seeds=2), 0) == seeds[:2]

    def test_wait_for_the_second_where_a_candidate_may_be_dropped(self) -> None:
        repeats = Repeats(top=2, seeds=4)
        first, second, third, _ = fresh_seeds(repeats, 0)
        trials = searched()
        assert [seed for _, seed in at(repeats, trials).due] == [first, first, second, second]
        for one in ("0001", "0003"):
            for seed in (first, second):
                trials.append(record(len(trials), 0.8, Source(one, seed=seed)))
        assert [seed for _, seed in at(repeats, trials).due] == [third, third]
        trials[-1] = record(trials[-1].number, None, trials[-1].source, State.RUNNING)
        waiting = at(repeats, trials)
        assert (waiting.due, waiting.open, waiting.waits, waiting.left) == ((), True, True, 4)

    def test_of_previous_sessions_still_count_after_more_trials(self) -> None:
        repeats = Repeats(top=2)
        seeds = fresh_seeds(repeats, 0)
        trials = searched()
        for one in ("0001", "0003"):
            for seed in seeds:
                trials.append(record(len(trials), 0.8, Source(one, seed=seed)))
        assert at(repeats, trials).over
        trials.append(record(len(trials), 0.85))  # is second now
        standing = at(repeats, trials)
        assert [c.ranked.trial.id for c in standing.candidates] == ["0001", "0010"]
        assert standing.due == (("0010", seeds[0]), ("0010", seeds[1]))
        assert standing.left == 4  # two now, and the last round of both, if both stay

    def test_that_fail_are_not_repeated(self) -> None:
        def score(one: str, turn: int) -> float | None:
            return None if (one, turn) == ("0001", 1) else 0.8 + turn / 100

        ran, standing = play(Repeats(top=2, race=False), score)
        assert len(ran) == len(set(ran)) == 6
        assert [len(c.scores) for c in standing.candidates] == [2, 3]

    def test_that_a_person_stopped_have_no_score(self) -> None:
        repeats = Repeats(top=1)
        source = Source("0001", seed=fresh_seeds(repeats, 0)[0])
        standing = at(repeats, [*searched(), record(4, 0.99, source, State.STOPPED)])
        assert standing.candidates[0].scores == {}


class TestTheRace:
    LEVEL = {"0001": 0.90, "0003": 0.90, "0002": 0.60, "0000": 0.50}  # noqa: RUF012

    def score(self, one: str, turn: int) -> float:
        """The first two lead in turns; the others never do."""
        noise = random.Random(f"{one}/{turn}").uniform(-0.004, 0.004)
        return self.LEVEL[one] + (noise if one != "0003" else (-1) ** turn * 0.01)

    def test_saves_what_cannot_change_the_outcome(self) -> None:
        ran, standing = play(Repeats(top=4, seeds=6), self.score)
        assert set(dropped(standing)) == {"0002", "0000"}
        turns = {one: [turn for other, turn in ran if other == one] for one in self.LEVEL}
        assert turns["0001"] == [1, 2, 3, 4, 5, 6]
        assert turns["0000"] == [1, 2]

    def test_not_where_it_is_turned_off(self) -> None:
        ran, standing = play(Repeats(top=4, seeds=6, race=False), self.score)
        assert len(ran) == 24
        assert dropped(standing) == []

    def test_is_no_more_after_the_last_round(self) -> None:
        ran, standing = play(Repeats(top=4, seeds=2), self.score)
        assert len(ran) == 8
        assert dropped(standing) == []

    @given(
        st.integers(2, 6),
        st.integers(0, 10_000),
        st.dictionaries(
            st.tuples(st.sampled_from(("0001", "0003", "0002")), st.integers(1, 4)),
            st.none() | st.floats(0.5, 1.0),
            max_size=12,
        ),
    )
    @settings(deadline=None, max_examples=40)
    def test_goes_the_same_way_with_any_number_of_slots(
        self, slots: int, order: int, scores: Mapping[tuple[str, int], float | None]
    ) -> None:
        def score(one: str, turn: int) -> float | None:
            return scores.get((one, turn), self.score(one, turn))

        repeats = Repeats(top=3, seeds=4)
        ran, alone = play(repeats, score)
        others, together = play(repeats, score, slots, random.Random(order))
        assert others == ran
        assert together.candidates == alone.candidates
