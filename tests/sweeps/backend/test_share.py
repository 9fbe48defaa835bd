"""A session's share: told at once, kept while the arbiter is away, given back at the end."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
import ray

from sweeps.backend import share
from sweeps.backend.claim import Claim, Grant
from sweeps.backend.share import Share, shared
from tests.sweeps.waiting import until
from trainers.errors import ConfigError

CLAIM = Claim("id", "s", "alpha", {"CPU": 1.0}, wanted=4, held=0)


class Arbiter:
    """Grants what it is set to, and keeps what it hears."""

    def __init__(self, slots: int) -> None:
        self.slots, self.away = slots, False
        self.heard: list[Claim] = []
        self.lock = threading.Lock()

    def __call__(self, claim: Claim) -> Grant:
        with self.lock:
            if self.away:
                raise TimeoutError
            self.heard.append(claim)
            return Grant(self.slots)


def test_what_changes_is_heard_and_what_is_granted_learned() -> None:
    arbiter = Arbiter(4)
    share = Share(CLAIM, arbiter)
    assert share.grant.slots == 4
    share.update(wanted=4, held=3)
    until(lambda: arbiter.heard[-1].held == 3)
    share.report(lambda: "3 of 9", lambda: {"alpha/atlas": 3})
    until(lambda: arbiter.heard[-1].progress == "3 of 9")
    assert arbiter.heard[-1].running == {"alpha/atlas": 3}
    arbiter.slots = 2
    until(lambda: share.grant.slots == 2)
    share.end()
    assert (arbiter.heard[-1].wanted, arbiter.heard[-1].held) == (0, 0)


def test_the_last_grant_holds_while_the_arbiter_is_away() -> None:
    arbiter = Arbiter(3)
    share = Share(CLAIM, arbiter)
    arbiter.away = True
    share.update(wanted=4, held=2)
    asked = len(arbiter.heard)
    arbiter.slots, arbiter.away = 1, False
    until(lambda: share.grant.slots == 1)
    assert arbiter.heard[asked].held == 2, "it hears what it has missed"
    arbiter.away = True
    share.end()  # its lease runs out


def test_a_session_does_not_begin_where_the_arbiter_cannot_be_asked() -> None:
    arbiter = Arbiter(3)
    arbiter.away = True
    with pytest.raises(TimeoutError):
        Share(CLAIM, arbiter)


def test_a_head_whose_arbiter_does_not_answer_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def silent(references: object, timeout: float) -> object:
        raise ray.exceptions.GetTimeoutError("nothing came")

    arbiter = SimpleNamespace(beat=SimpleNamespace(remote=lambda claim: claim))
    monkeypatch.setattr(share, "_arbiter_name", lambda: "arbiter-1")
    monkeypatch.setattr(ray, "get_actor", lambda name, namespace: arbiter)
    monkeypatch.setattr(ray, "get", silent)
    monkeypatch.setattr(share, "_THERE_S", 0.0)
    with (
        pytest.raises(ConfigError, match=r"arbiter cannot be asked \(nothing came\)") as refusal,
        shared("s", "alpha", {"CPU": 1.0}, 4),
    ):
        pass
    assert len(str(refusal.value).splitlines()) == 1


def test_the_arbiter_of_a_head_that_has_just_been_started_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers: list[Grant | Exception] = [AssertionError("no code"), ValueError("no actor")]

    def answer(references: object, timeout: float) -> Grant:
        one = answers.pop(0) if answers else Grant(2)
        if isinstance(one, Exception):
            raise one
        return one

    arbiter = SimpleNamespace(beat=SimpleNamespace(remote=lambda claim: claim))
    monkeypatch.setattr(share, "_arbiter_name", lambda: "arbiter-1")
    monkeypatch.setattr(ray, "get_actor", lambda name, namespace: arbiter)
    monkeypatch.setattr(ray, "get", answer)
    with shared("s", "alpha", {"CPU": 1.0}, 4) as ours:
        assert ours.grant.slots == 2
