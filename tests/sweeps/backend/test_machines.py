"""A machine's mark in Ray's store is why it is not lent, for all who look."""

from __future__ import annotations

from typing import Any

import pytest

from sweeps.backend import machines as module
from sweeps.backend.machines import away, key_of


class Store:
    """Stands for Ray's own."""

    def __init__(self, **marks: str) -> None:
        self.marks = {key_of(machine): why.encode() for machine, why in marks.items()}
        self.looks = 0

    def _internal_kv_list(self, prefix: str, *, namespace: str) -> list[bytes]:
        self.looks += 1
        return [key for key in self.marks if key.startswith(prefix.encode())]

    def _internal_kv_get(self, key: bytes, *, namespace: str) -> bytes | None:
        return self.marks.get(key)


def node(name: str, **labels: str) -> dict[str, Any]:
    return {"NodeID": name, "NodeManagerHostname": "vm", "Labels": labels}


def looked_up(monkeypatch: pytest.MonkeyPatch, store: Store, *nodes: dict[str, Any]) -> Any:
    import ray.experimental

    monkeypatch.setattr(ray.experimental, "internal_kv", store)
    return away(nodes)


def test_those_with_a_mark_are_away(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(m1="its hours\n are \x1b[31m20-08", gone="it leaves", m3="")
    head, beta = node("a", member="zeta"), node("c", member="beta", machine="m2")
    alpha, other = node("b", member="alpha", machine="m1"), node("d", machine="m3")
    found = looked_up(monkeypatch, store, head, alpha, beta, other)
    assert found == {"b": "alpha's vm: its hours are 20-08"}


def test_where_nobody_has_joined_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(m1="it leaves")
    assert looked_up(monkeypatch, store, node("a", member="zeta")) == {}
    assert store.looks == 0
    assert module.LABEL == "machine"
