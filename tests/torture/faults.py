"""The faults by name. Each strikes at one moment, and may take a while; a person mends the rest."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from tests.sweeps.processes import TRIAL, descendants
from tests.torture.round import JoinedMachine, Round, go_on, stop
from tests.torture.small_disk import fill

Strike = Callable[[Round, random.Random], None]

#: Seconds that a machine may be cut off, and stand still; that a disk is full.
CUT_S, STILL_S, FULL_S = 20.0, (5.0, 20.0, 60.0), 10.0
#: Seconds after which a person sees that a machine that is cut off will not come back.
_SEEN_S = 60.0


@dataclass(frozen=True)
class Fault:
    """A fault, and what it needs.

    Attributes:
        apart: machines with addresses and disks of their own.
        no_shared_folder: of the machines and the head.
    """

    strike: Strike
    apart: bool = False
    no_shared_folder: bool = False


def _kill(*words: str) -> Strike:
    """Kill one process with these words, drawn among those there are."""

    def strike(one: Round, dice: random.Random) -> None:
        if found := one.processes(*words):
            with suppress(ProcessLookupError):
                os.kill(dice.choice(found), signal.SIGKILL)

    return strike


def _kill_driver(one: Round, dice: random.Random) -> None:
    if one.driver is not None:
        one.driver_due = time.monotonic() + dice.uniform(0, 3)
        one.driver.kill()
    else:
        _kill("run_queued")(one, dice)


def _kill_head(one: Round, dice: random.Random) -> None:
    one.head_due = time.monotonic() + dice.uniform(2, 8)
    one.machines.head.kill()


def _kill_machine(one: Round, dice: random.Random) -> None:
    one.alpha.due = time.monotonic() + dice.uniform(0, 5)
    if one.alpha.process is not None:
        one.alpha.process.kill()


def _stand_still(seconds: float) -> Strike:
    """Let a machine stand still, as a suspended laptop does."""

    def strike(one: Round, dice: random.Random) -> None:
        if pid := one.alpha.pid:
            pids = [pid, *descendants(pid)]
            stop(pids)
            time.sleep(seconds)
            go_on(pids)

    return strike


def _leave(one: Round) -> None:
    if one.alpha.pid and one.alpha.process is not None:
        one.alpha.process.send_signal(signal.SIGINT)


def _leave_and_join(one: Round, dice: random.Random) -> None:
    one.alpha.due = time.monotonic() + dice.uniform(0, 3)
    _leave(one)


def _leave_for_good(one: Round, dice: random.Random) -> None:
    one.alpha.wanted = False
    _leave(one)


def _another_joins(one: Round, dice: random.Random) -> None:
    one.beta.wanted = True


def _cut_for_a_while(one: Round, dice: random.Random) -> None:
    _cut(one.alpha)
    time.sleep(CUT_S)
    _mend(one.alpha)


def _cut_and_replaced(one: Round, dice: random.Random) -> None:
    """Cut a machine off for good: it trains on in vain, and another one joins."""
    one.alpha.wanted = False
    _cut(one.alpha)
    time.sleep(_SEEN_S)
    one.beta.wanted = True


def _cut_until_lost(one: Round, dice: random.Random) -> None:
    """Cut a machine off until Ray has given it up; then it is back, and joins again."""
    _cut(one.alpha)
    time.sleep(_SEEN_S + dice.uniform(15, 30))
    _mend(one.alpha)


def _slow_link(one: Round, dice: random.Random) -> None:
    assert one.alpha.host is not None
    one.alpha.host.narrow(200)
    time.sleep(CUT_S)
    one.alpha.host.narrow(0)


def _cut(machine: JoinedMachine) -> None:
    assert machine.host is not None
    machine.host.cut()


def _mend(machine: JoinedMachine) -> None:
    assert machine.host is not None
    machine.host.mend()


def _fill_machine(one: Round, dice: random.Random) -> None:
    fill(one.alpha.folder, FULL_S)


def _fill_head(one: Round, dice: random.Random) -> None:
    one.disk_was_full = True
    fill(one.results.parent, FULL_S)


FAULTS: Mapping[str, Fault] = {
    "a trial's process killed": Fault(_kill(TRIAL)),
    "the driver killed": Fault(_kill_driver),
    "the arbiter killed": Fault(_kill("ray::Arbiter")),
    "the receiver killed": Fault(_kill("ray::Receiver"), apart=True, no_shared_folder=True),
    "the service killed": Fault(_kill("cluster.service.server")),
    "the head killed": Fault(_kill_head),
    "the head's store killed": Fault(_kill("gcs_server")),
    "a machine killed": Fault(_kill_machine),
    "a raylet killed": Fault(_kill("raylet/raylet")),
    **{f"a machine stands still for {s:.0f} s": Fault(_stand_still(s)) for s in STILL_S},
    "a machine leaves and joins again": Fault(_leave_and_join),
    "a machine leaves for good": Fault(_leave_for_good),
    "another machine joins": Fault(_another_joins),
    f"a machine cut off for {CUT_S:.0f} s": Fault(_cut_for_a_while, apart=True),
    "a machine cut off until it is lost": Fault(_cut_until_lost, apart=True),
    "a machine cut off for good, another joins": Fault(
        _cut_and_replaced, apart=True, no_shared_folder=True
    ),
    f"a machine's link slow for {CUT_S:.0f} s": Fault(_slow_link, apart=True),
    f"a machine's disk full for {FULL_S:.0f} s": Fault(_fill_machine, apart=True),
    f"the head's disk full for {FULL_S:.0f} s": Fault(_fill_head, apart=True),
}
