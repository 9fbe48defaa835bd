"""A machine is lent within its hours, and while its owner does not use it."""

from __future__ import annotations

import datetime

from cluster.machine.lending import Lending
from cluster.machine.terms import Terms


class Day:
    """A clock on the wall, and what the owner does."""

    def __init__(self) -> None:
        self.hour, self.used = 12, ""

    def now(self) -> datetime.datetime:
        return datetime.datetime(2026, 11, 29, self.hour, 30)

    def uses(self) -> str:
        return self.used

    def lending(self, hours: str = "", polite: str = "") -> Lending:
        return Lending(Terms.parse("", "", hours, polite), self.uses, self.now)


def test_without_terms_it_is_always_lent() -> None:
    day = Day()
    lending = day.lending()
    day.used = "process 3 uses card 0"
    assert not lending.look()
    assert lending.why_not == ""


def test_its_hours_come_and_go() -> None:
    day = Day()
    lending = day.lending(hours="20-08")
    assert lending.why_not == "its hours are 20-08"
    assert not lending.look(), "as it was"
    day.hour = 20
    assert lending.look()
    assert (lending.why_not, lending.why_again) == ("", "its hours, 20-08, have begun")
    day.hour = 7
    assert not lending.look()
    day.hour = 8
    assert lending.look()
    assert lending.why_not == "its hours are 20-08"


def test_its_owner_comes_first_and_then_it_is_lent_again() -> None:
    day = Day()
    lending = day.lending(polite="true")
    day.used = "process 3 uses card 0"
    assert lending.look()
    assert lending.why_not == "process 3 uses card 0"
    day.used = ""
    assert lending.look()
    assert (lending.why_not, lending.why_again) == ("", "nobody has used it for 60 s")


def test_one_reason_may_follow_another() -> None:
    day = Day()
    lending = day.lending(hours="12-13", polite="true")
    day.used = "process 3 uses card 0"
    assert lending.look()
    day.hour = 13
    assert lending.look()
    assert lending.why_not == "its hours are 12-13"
    day.hour = 12
    assert lending.look(), "its owner still uses it"
    assert lending.why_not == "process 3 uses card 0"
