"""A trial's id on a page is unique, however many sweeps share it."""

from __future__ import annotations

from dataclasses import replace

from sweeps.page.reviewed import Reviewed


def test_a_trial_is_called_by_its_sweep_where_there_are_several(reviewed: Reviewed) -> None:
    assert reviewed.key("0001") == "0001"
    assert replace(reviewed, prefix="a/").key("0001") == "a/0001"


def test_a_part_that_fails_is_one_of_its_problems(reviewed: Reviewed) -> None:
    own = replace(reviewed, problems=[])
    assert own.attempt("a part", lambda: 1 // 0, 5) == 5
    assert own.problems[0].startswith("a part could not be made (ZeroDivisionError")
    assert reviewed.problems == []
