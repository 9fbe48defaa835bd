"""Shares are measured on a real cluster, and compared with what the weights make due."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sweeps.bench.cluster import fairness


class Answers:
    """A head's service that says who holds how many slots."""

    def get(self, path: str) -> dict[str, Any]:
        assert path == "/api/status"
        sessions = [{"sweep": "a", "held": 3}, {"sweep": "b", "held": 1}]
        return {"sharing": {"sessions": sessions}}


def test_what_a_sweep_has_is_compared_with_its_due() -> None:
    service: Any = Answers()
    assert fairness._shares(service, [], (3.0, 1.0), 0.0) == {"a": 1.0, "b": 1.0}
    assert fairness._shares(service, [], (1.0, 1.0), 0.0) == {"a": 1.5, "b": 0.5}


def test_epochs_on_record_are_counted_while_the_sweep_runs(tmp_path: Path) -> None:
    assert fairness.epochs(tmp_path) == 0
    (tmp_path / "study.log").write_text('{"epoch:1":{}}\n{"epoch:2":{}}\n')
    assert fairness.epochs(tmp_path) == 2


@pytest.mark.long
@pytest.mark.machines
def test_a_real_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fairness, "_ROUNDS_S", 1.0)
    found = fairness.measure(1, Console(quiet=True))
    assert found["the second's first epoch, after its command"].value > 0
    assert len(found) == 9
