"""Whether a machine's owner uses it: of cards at once at first, of cores on average, patiently."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.machine import owner as module
from cluster.machine.cards import Cards
from cluster.machine.owner import LASTS_S, QUIET_S, Others, Owner, Use
from tests.sweeps.waiting import until

#: The number of no process.
NOBODY = 2**22 + 1


class Machine:
    """A machine of eight cores whose use is set, and a clock that is moved."""

    def __init__(self, card: str = "") -> None:
        self.now, self.use = 1000.0, Use(card, 0.0)
        self.owner = Owner(lambda: self.use, cores=8, clock=lambda: self.now)

    def after(self, seconds: float, card: str = "", cores: float | None = 0.0) -> str:
        """What is found every 5 s while it is used so."""
        self.use = Use(card, cores)
        found = self.owner.uses()
        for _ in range(int(seconds // 5)):
            self.now += 5
            found = self.owner.uses()
        return found


def test_nobody_uses_it() -> None:
    assert Machine().after(100, cores=4.0) == "", "half of the cores are not more than half"
    assert Machine().after(100, cores=None) == "", "not known yet"


def test_a_card_that_is_used_at_first_counts_at_once_and_later_after_a_while() -> None:
    busy = "process 3 uses card 0"
    assert Machine(busy).owner.uses() == busy
    machine = Machine()
    assert machine.after(0) == ""
    assert machine.after(LASTS_S - 5, busy) == ""
    assert machine.after(LASTS_S, busy) == busy


def test_busy_cores_count_and_the_first_reason_stays() -> None:
    machine = Machine()
    assert machine.after(0, cores=6.2) == "6.2 of its 8 cores are busy for others"
    assert machine.after(20, cores=7.9) == "6.2 of its 8 cores are busy for others"


def test_it_is_free_again_once_it_has_been_quiet_for_long() -> None:
    machine = Machine()
    machine.after(20, cores=8.0)
    assert machine.after(QUIET_S - 10) != ""
    machine.after(0, "process 3 uses card 0")
    assert machine.after(QUIET_S - 10) != "", "that was no quiet minute"
    assert machine.after(20) == ""


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 8)), max_size=60))
def test_it_never_changes_its_mind_twice_within_a_minute_of_quiet(
    looks: list[tuple[bool, float]],
) -> None:
    machine, given_back = Machine(), None
    for computes, cores in looks:
        before = machine.owner.uses()
        found = machine.after(5, "process 3 uses card 0" if computes else "", cores)
        if found and not before:
            given_back = machine.now
        if before and not found:
            assert given_back is not None
            assert machine.now - given_back >= QUIET_S
            assert not computes
            assert cores <= 4


class Listed:
    """Cards with these processes on them."""

    def __init__(self, processes: Mapping[int, int]) -> None:
        self._processes = processes

    def processes(self, most: int | None) -> Mapping[int, int]:
        return {p: card for p, card in self._processes.items() if most is None or card < most}


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[bytes]]:
    """A process that computes."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_of_cards_only_what_others_compute_on_those_that_are_lent(
    worker: subprocess.Popen[bytes],
) -> None:
    def found(processes: Mapping[int, int], top: int, lent: int | None = None) -> str:
        return Others(top, cast(Cards, Listed(processes)), lent).look().card

    assert found({worker.pid: 1}, top=NOBODY) == f"process {worker.pid} uses card 1"
    assert found({worker.pid: 1}, top=worker.pid) == "", "it is ours"
    assert found({worker.pid: 1}, top=NOBODY, lent=1) == "", "that card is not lent"
    assert found({NOBODY: 0}, top=NOBODY) == "", "a number of another container's"


def test_of_cores_only_what_others_keep_busy(
    worker: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LASTS_S", 1.0)
    none = cast(Cards, Listed({}))
    theirs, ours = Others(NOBODY, none, None), Others(worker.pid, none, None)
    assert theirs.look().cores is None, "not known yet"
    ours.look()
    seen: list[float] = []

    def worked() -> bool:
        with_worker, without = theirs.look().cores, ours.look().cores
        if with_worker is not None and without is not None:
            seen.append(with_worker - without)
        return bool(seen) and seen[-1] > 0.2

    until(worked)
