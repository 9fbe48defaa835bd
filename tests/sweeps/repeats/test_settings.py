"""What is read as repeats, and what is refused."""

from __future__ import annotations

import pytest

from sweeps.repeats.settings import Repeats
from trainers.errors import ConfigError


class TestReading:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            (3, Repeats(runs=3)),
            (None, Repeats()),
            ({"top": 5}, Repeats(top=5)),
            ({"runs": 2, "top": 1, "seeds": 4, "race": False}, Repeats(2, 1, 4, False)),
        ],
    )
    def test_what_is_configured(self, given: object, expected: Repeats) -> None:
        assert Repeats.read(given) == expected

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            (0, r"repeats\.runs must be a whole number of 1 or more, not 0"),
            (2.5, r"repeats\.runs .* not 2\.5"),
            (True, r"repeats\.runs .* not true:"),
            ({"seeds": None}, r"repeats\.seeds .* not null:"),
            ({"top": {"best": 3}}, r"repeats\.top .* not \{best:3\}:"),
            ("many", r"repeats\.runs .* not many"),
            ([1, 2], r"repeats\.runs .* not \[1,2\]"),
            ({"top": -1}, r"repeats\.top must be a whole number of 0 or more"),
            ({"seeds": 1}, r"repeats\.seeds must be a whole number of 2 or more"),
            ({"race": "yes"}, r"repeats\.race must be true or false, not yes"),
            ({"tops": 1}, r"repeats\.tops: there is no such key \(runs, top, seeds, race\)"),
        ],
    )
    def test_what_makes_no_sense(self, given: object, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            Repeats.read(given)

    @pytest.mark.parametrize("repeats", [Repeats(runs=3), Repeats(top=5)])
    def test_not_where_the_seed_is_swept(self, repeats: Repeats) -> None:
        with pytest.raises(ConfigError, match=r"the seed is swept too.*fix the seed"):
            repeats.check(["model.width", "seed"], [])
        repeats.check(["model.width"], [])
        Repeats().check(["seed"], [])

    def test_not_as_a_number_that_takes_the_other_settings_away(self) -> None:
        with pytest.raises(ConfigError, match=r"write repeats\.runs=3"):
            Repeats(runs=3).check([], ["repeats.top", "repeats"])


class TestDescription:
    def test_is_empty_without_reruns(self) -> None:
        assert Repeats(runs=3).description == ""

    def test_says_how_many_trials_come_on_top(self) -> None:
        assert Repeats(top=5).description == (
            "the 5 best are run again with 3 fresh seeds each, on top of the budget: at most 15 "
            "more trials, fewer where one cannot win any more"
        )
        assert Repeats(top=1, seeds=4).description == (
            "the best one is run again with 4 fresh seeds, on top of the budget: at most 4 more "
            "trials"
        )
