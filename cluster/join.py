"""Lend this machine to a cluster: `make join HEAD=10.0.0.5:26379 MEMBER=alpha`."""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import signal
import time
from types import FrameType

from cluster.machine.admission import admit
from cluster.machine.cards import Cards
from cluster.machine.drivers import drivers
from cluster.machine.joined import once
from cluster.machine.lending import Lending
from cluster.machine.owner import Others, Owner, cores
from cluster.machine.processes import running, started
from cluster.machine.tell import Telling
from cluster.machine.terms import Terms
from cluster.node import (
    Node,
    Stopped,
    free_port,
    ray_node,
    say,
    say_now,
    split_address,
    token,
    wait_for_text,
)
from sweeps.backend.claim import member_name
from sweeps.backend.known_head import FOLDER, Head
from sweeps.backend.machines import LABEL
from sweeps.backend.ray_environment import is_loopback
from sweeps.backend.stream import scratch
from sweeps.cli import refusals, signals
from trainers.errors import ConfigError

#: Seconds that running trials may take to finish their epochs before the machine leaves.
LEAVE_S = 600.0
#: Seconds between two looks whether the machine is lent.
_LOOK_S = 5.0
#: Seconds without a trial before the machine leaves: a driver may just have handed one out.
_NO_TRIAL_S = 3.0
#: What Ray calls a process in which Tune runs trials.
_TRIAL = "ray::ImplicitFunc"


class Lent:
    """Lends this machine until it is asked to leave, or the head is gone."""

    def __init__(self, head: Head, member: str, terms: Terms, cards: Cards) -> None:
        """Look whether it is lent now; nobody is told yet."""
        self._head, self._member, self._terms = head, member, terms
        self._machine = secrets.token_hex(8)
        owner = Owner(Others(os.getpid(), cards, terms.gpus).look, cores())
        self._lending = Lending(terms, owner.uses)
        self._telling = Telling(head, self._machine)
        self._joined = self._leaving = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Leave in order at the first Ctrl-C; at a second one, and at any other signal, at once."""
        if number != signal.SIGINT or self._leaving or not self._joined:
            raise Stopped
        self._leaving = True

    def run(self) -> None:
        """Lend it.

        Raises:
            ConfigError: Ray does not start, or has ended.
            Stopped: a signal asked to end at once.
        """
        scratch.remove_left()
        try:
            if self._lending.why_not:
                self._tell_first()
            say(f"joining {self._head.address} as {self._member}")
            log = FOLDER / f"join-{self._member}.log"
            with ray_node(self._arguments(), self._environment(), log) as node:
                wait_for_text(node, "Ray runtime started")
                if Head.known() is None:
                    self._head.save()
                self._joined = True
                say("joined; make sweep here runs on all. Ctrl-C, or make leave, leaves.")
                if self._lending.why_not:
                    say(f"not lent now: {self._lending.why_not}")
                self._lend(node)
                self._leave(node)
            say("left")
        finally:
            self._telling.end()

    def _arguments(self) -> list[str]:
        host, _ = split_address(self._head.address, "HEAD")
        arguments = [
            # Ray's own would be 52365, which a second one on this machine could not have.
            f"--dashboard-agent-listen-port={free_port('')}",
            f"--address={self._head.address}",
            f"--labels=member={self._member},{LABEL}={self._machine}",
        ]
        if is_loopback(host):
            arguments.append(f"--node-ip-address={host}")
        lent = (("cpus", self._terms.cpus), ("gpus", self._terms.gpus))
        return arguments + [f"--num-{what}={n}" for what, n in lent if n is not None]

    def _environment(self) -> dict[str, str]:
        return {
            **self._head.environment(),
            # Long enough to start a head again that was killed.
            "RAY_gcs_rpc_server_reconnect_timeout_s": "600",
        }

    def _tell_first(self) -> None:
        """Let the head know before the machine is there that it is not lent."""
        self._telling.tell(self._lending.why_not)
        until = time.monotonic() + LEAVE_S
        while not self._telling.is_told:
            if time.monotonic() > until:
                raise ConfigError(f"the head at {self._head.address} does not answer: try again")
            time.sleep(0.1)
            self._telling.go_on()

    def _lend(self, node: Node) -> None:
        """Keep the head informed until the machine is to leave."""
        looked = time.monotonic()
        while not self._leaving:
            node.check()
            self._telling.go_on()
            if time.monotonic() - looked >= _LOOK_S:
                looked = time.monotonic()
                if self._lending.look():
                    self._say_change(node)
            time.sleep(0.2)

    def _say_change(self, node: Node) -> None:
        why_not = self._lending.why_not
        self._telling.tell(why_not)
        if not why_not:
            say_now(f"lent again: {self._lending.why_again}")
        else:
            trials = running(node.process.pid, _TRIAL)
            say_now(f"not lent now: {why_not}{_what_becomes(trials)}")

    def _leave(self, node: Node) -> None:
        """Wait until the trials have finished their epochs, and gone."""
        until = time.monotonic() + LEAVE_S
        trials = running(node.process.pid, _TRIAL)
        self._telling.tell("it leaves")
        say_now(f"leaving{_what_becomes(trials)}. Ctrl-C again leaves at once.")
        sweeps = drivers(self._head, self._machine)
        if sweeps:
            say_now(
                f"a sweep is run from here (process {sweeps[0]}) and ends with it: "
                f"{LEAVE_S:.0f} s are left to end it in order; make resume goes on"
            )
        without = time.monotonic()
        while time.monotonic() < until and node.process.poll() is None:
            self._telling.go_on()
            untold = not self._telling.is_told and self._head.answers()
            used = any(map(started, sweeps)) or running(node.process.pid, _TRIAL)
            if untold or used:
                without = time.monotonic()
            elif time.monotonic() - without >= _NO_TRIAL_S:
                return
            time.sleep(0.2)
        if node.process.poll() is None:
            say_now("what still runs here ends; trials go on elsewhere")


def _what_becomes(trials: int) -> str:
    if not trials:
        return ""
    many = "1 trial finishes its epoch" if trials == 1 else f"{trials} trials finish their epochs"
    return f"; {many}, to go on elsewhere"


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m cluster.join", description=__doc__)
    parser.add_argument("--head", default="", help="host:port of the head")
    parser.add_argument("--member", default="", help="whose machine this is")
    parser.add_argument("--cpus", default="", help="lend this many")
    parser.add_argument("--gpus", default="", help="lend this many")
    parser.add_argument("--hours", default="", help="lend it in these hours only, such as 20-08")
    parser.add_argument("--polite", default="", help="true: not while its owner uses it")
    given = parser.parse_args()
    with refusals():
        member = member_name(given.member)
        terms = Terms.parse(given.cpus, given.gpus, given.hours, given.polite)
        split_address(given.head, "HEAD")
        head, cards = Head(given.head, str(token()), member), Cards()
        with once(given.head, member):
            for warning in admit(head, terms, cards):
                say(f"warning: {warning}")
            lent = Lent(head, member, terms, cards)
            with contextlib.suppress(Stopped), signals(lent.handle):
                lent.run()


if __name__ == "__main__":
    main()
