"""A receiver is called across machines as one that is here."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray

from sweeps.backend.stream.calls import ReceiverCalls
from sweeps.backend.stream.contents import Delivery
from sweeps.backend.stream.receiver import Outcome, Receiver, Reply

TOKEN = "1" * 32


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReceiverCalls:
    (tmp_path / "0000").mkdir()
    receiver = Receiver(str(tmp_path))
    remote = {
        name: SimpleNamespace(remote=getattr(receiver, name))
        for name in ("open", "read", "write", "deliver")
    }
    monkeypatch.setattr(ray, "get", _as_it_is)
    return ReceiverCalls(SimpleNamespace(**remote))


def _as_it_is(answer: Any) -> Any:
    return answer


def test_all_that_is_asked_is_answered(calls: ReceiverCalls) -> None:
    assert calls.open("0000", TOKEN).outcome is Outcome.DONE
    assert calls.write("0000", TOKEN, "epoch_001/state.pt", 0, b"abc").outcome is Outcome.DONE
    small = {"log": b"text"}
    assert calls.deliver("0000", TOKEN, Delivery(1, 0, small, {}, ())).outcome is Outcome.DONE
    assert calls.read("0000", TOKEN, "log", 1) == b"ext"
    assert isinstance(calls.read("0001", TOKEN, "log", 1), Reply)
