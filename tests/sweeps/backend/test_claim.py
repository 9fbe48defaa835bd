"""What crosses between a session and the arbiter can be sent; a member has a plain name."""

from __future__ import annotations

import pickle

import pytest

from sweeps.backend.claim import Claim, Grant, member_name, own_member
from trainers.errors import ConfigError


def test_both_can_be_sent() -> None:
    claim = Claim("id", "s", "alpha", {"CPU": 1.0, "GPU": 0.5}, wanted=4, held=2)
    grant = Grant(2, ("beta's sweep b (2)",), "")
    assert pickle.loads(pickle.dumps((claim, grant))) == (claim, grant)


@pytest.mark.parametrize("name", ["alpha", "Ada-2", "a_b.c"])
def test_a_member_is_named_by_letters_and_digits(name: str) -> None:
    assert member_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "a b", "a=b", "ä", "a,b", "-a", "..", "../a", "<b>", "a" * 64]
)
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="MEMBER") as refusal:
        member_name(name)
    assert len(str(refusal.value).splitlines()) <= 2


def test_a_member_is_whom_a_person_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CAVIAR_MEMBER", raising=False)
    assert own_member() == ""
    monkeypatch.setenv("CAVIAR_MEMBER", "beta")
    assert own_member() == "beta"
    monkeypatch.setenv("CAVIAR_MEMBER", "<b>")
    with pytest.raises(ConfigError, match="must be up to 63 letters"):
        own_member()
