"""The terms of a member's machine are read as they are written, or refused in a line."""

from __future__ import annotations

import pytest

from cluster.machine.terms import Terms
from cluster.sharing.members import Hours
from trainers.errors import ConfigError


def test_without_a_word_all_is_lent_always() -> None:
    assert Terms.parse("", "", "", "") == Terms(None, None, Hours(0, 24), False)


def test_all_of_them() -> None:
    assert Terms.parse("4", "0", "20-08", "true") == Terms(4, 0, Hours(20, 8), True)
    assert not Terms.parse("4", "1", "", "false").polite


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (("0", "", "", ""), "CPUS=0 must be a whole number, 1 or more"),
        (("1.5", "", "", ""), "CPUS=1.5 must be a whole number"),
        (("-1", "", "", ""), "CPUS=-1 must be"),
        (("³", "", "", ""), "CPUS=³ must be"),
        (("9" * 5000, "", "", ""), "must be a whole number"),
        (("", "many", "", ""), "GPUS=many must be a whole number, 0 or more"),
        (("", "", "25-3", ""), "HOURS=25-3 must be two full hours"),
        (("", "", "night", ""), "HOURS=night must be two full hours"),
        (("", "", "", "maybe"), "POLITE=maybe must be true or false"),
        (("", "", "", "True"), "POLITE=True must be true or false"),
    ],
)
def test_anything_else_is_refused(words: tuple[str, str, str, str], rule: str) -> None:
    with pytest.raises(ConfigError, match=rule) as error:
        Terms.parse(*words)
    assert "\n" not in str(error.value)
