"""The figures of a sweep on a cluster come from its record; a real one has them all."""

from __future__ import annotations

import datetime

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial
from rich.console import Console

from sweeps.bench.cluster import growth
from sweeps.bench.cluster.usage import ProcessUsage
from sweeps.study.codec import epoch_key

BEGAN = datetime.datetime(2026, 11, 29, 12)


def trial(begins_s: float, ends_s: float) -> FrozenTrial:
    """A trial of one epoch of half a second."""
    made = create_trial(
        state=TrialState.COMPLETE, value=0.5, system_attrs={epoch_key(1): {"epoch_s": 0.5}}
    )
    made.datetime_start = BEGAN + datetime.timedelta(seconds=begins_s)
    made.datetime_complete = BEGAN + datetime.timedelta(seconds=ends_s)
    return made


def test_a_slot_is_busy_from_one_training_to_the_next() -> None:
    """One slot: a first trial of 5.5 s, then one a second, with 100 ms of the driver for each."""
    trials = [trial(0.0, 5.5), *(trial(5.5 + n, 6.5 + n) for n in range(11))]
    at = BEGAN.timestamp()
    driver = ProcessUsage([(at + n + 0.5, 0.1 * n) for n in range(30)], memory_mb=300.0)
    found = growth.sweep_figures(trials, 1, 24.0, {"driver": driver})
    assert found.per_minute == pytest.approx(30.0)
    assert found.steady == pytest.approx(60.0)
    assert found.first_s == pytest.approx(5.0)
    assert found.next_ms == pytest.approx(500.0)
    assert found.trial_ms == pytest.approx(100.0)
    assert found.busy["driver"] == pytest.approx(10.0)
    assert found.memory_mb["driver"] == 300.0


@pytest.mark.long
@pytest.mark.machines
def test_a_real_cluster_of_one_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "MACHINES", (1,))
    found = growth.measure(1, Console(quiet=True))
    assert found["1 machine: trials a minute"].value > 0
    assert found["1 machine: of Ray Tune alone"].value > 0
    assert found["1 machine: arbiter, memory"].value > 10
