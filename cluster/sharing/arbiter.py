"""Give the cluster's slots to sweeps as leases: the one place where sharing is decided.

A detached actor on the head. What it knows of sessions it has from their words, a few seconds
apart, so that one that is started again after a crash knows all of them soon.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cluster.sharing import shares
from cluster.sharing.members import Member, members_file, read_members
from cluster.sharing.shares import Machine, Portion, Request
from sweeps import ROOT
from sweeps.backend.claim import ARBITER, LEASE_S, NAMESPACE, Claim, Grant
from sweeps.backend.known_head import FOLDER
from sweeps.backend.machines import alive_nodes, away
from sweeps.formatting import counted
from trainers.errors import ConfigError
from trainers.files.whole_file import write_whole

#: Seconds after which slots that cannot be divided evenly are given anew.
_ROTATE_S = 20.0
#: Seconds after a crash in which nothing grows: not all sessions have been heard of.
_GRACE_S = 5.0
#: Seconds between two looks at the machines and the members' file, and between two records of use.
_LOOK_S, _RECORD_S = 1.0, 10.0


@dataclass
class Session:
    """Keeps what is known of one session of a sweep.

    Attributes:
        heard: when it last spoke.
        granted: slots it may hold.
        surplus_s: slot-seconds that it has had beyond its share, of late.
    """

    claim: Claim
    since: float
    heard: float
    granted: Portion = field(default_factory=Portion)
    surplus_s: float = 0.0
    due: float = 0.0
    limit: str = ""

    @property
    def booked(self) -> Portion:
        """Return the slots that nobody else can have."""
        held = Portion.held(self.claim)
        return held + self.granted.beyond(held)


@dataclass
class Usage:
    """Counts the GPU-hours of a day, member by member.

    Attributes:
        day: by the head's clock, such as 2026-11-29.
    """

    day: str = ""
    gpu_hours: dict[str, float] = field(default_factory=dict)

    def count(self, day: str, member: str, hours: float) -> None:
        """Add what a member has used; a new day begins at nothing."""
        if day != self.day:
            self.day, self.gpu_hours = day, {}
        if hours:
            self.gpu_hours[member] = self.gpu_hours.get(member, 0.0) + hours

    @staticmethod
    def read(path: Path) -> Usage:
        """Read a record; an empty one if there is none that can be read."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return Usage(str(content["day"]), {str(k): float(v) for k, v in content["h"].items()})
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return Usage()

    def write(self, path: Path) -> None:
        """Put it on disk."""
        write_whole(path, json.dumps({"day": self.day, "h": self.gpu_hours}) + "\n")


class Sharing:
    """Decides who has how many slots; knows no Ray."""

    def __init__(
        self,
        machines: Callable[[], Sequence[Machine]],
        members: Path,
        usage: Path,
        recovered: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Begin with no session.

        Args:
            machines: looks up what the cluster has.
            members: the file of weights and limits.
            usage: the file that keeps the GPU-hours of today.
            recovered: whether sessions may be running that have not been heard of.
            clock: gives seconds since 1970.
        """
        self._machines, self._clock = machines, clock
        self._members_file, self._usage_file = members, usage
        self._frozen_until = clock() + _GRACE_S if recovered else 0.0
        self._sessions: dict[str, Session] = {}
        self._usage = Usage.read(usage)
        self._recorded = 0.0
        self._looked = self._rotated = 0.0
        self._have: Sequence[Machine] = ()
        self._members: dict[str, Member] = {}
        self._problem = ""
        self._wants: object = None
        self._targets: dict[str, Portion] = {}

    def beat(self, claim: Claim) -> Grant:
        """Take a session's word, and return how many slots it may hold."""
        now = self._clock()
        self._look(now)
        self._forget(now)
        session = self._sessions.get(claim.session)
        if session is not None:
            self._count(session, now)
        if not claim.wanted and not claim.held:
            self._sessions.pop(claim.session, None)
            return Grant(0)
        if session is None:
            session = self._sessions[claim.session] = Session(claim, now, now)
        session.claim, session.heard = claim, now
        self._divide(now)
        self._grant(session, now)
        granted = session.granted
        return Grant(granted.slots, self._others(session), session.limit, granted.on_cards)

    def status(self) -> dict[str, Any]:
        """Return all that is known, as plain containers."""
        now = self._clock()
        self._look(now)
        self._forget(now)
        return {
            "sessions": [
                {
                    "sweep": session.claim.sweep,
                    "member": session.claim.member,
                    "slot": dict(session.claim.slot),
                    "wanted": session.claim.wanted,
                    "held": session.claim.held,
                    "granted": session.granted.slots,
                    "limit": session.limit,
                    "since": session.since,
                    "progress": session.claim.progress,
                    "running": dict(session.claim.running),
                }
                for session in self._sessions.values()
            ],
            "gpu_hours": dict(self._usage.gpu_hours) if self._usage.day == _day(now) else {},
            "weights": {name: member.weight for name, member in self._members.items()},
            "problem": self._problem,
        }

    def _look(self, now: float) -> None:
        if now - self._looked < _LOOK_S:
            return
        self._looked, self._have = now, self._machines()
        try:
            self._members, self._problem = read_members(self._members_file), ""
        except ConfigError as error:  # somebody edits it: what held before holds on
            self._problem = str(error)

    def _forget(self, now: float) -> None:
        for key, session in list(self._sessions.items()):
            if now - session.heard > LEASE_S:
                del self._sessions[key]

    def _count(self, session: Session, now: float) -> None:
        """Count what a session has had since its last word."""
        passed = max(0.0, now - session.heard)
        claim = session.claim
        gpus = Portion.held(claim).on_cards * claim.slot.get("GPU", 0.0)
        self._usage.count(_day(now), claim.member, gpus * passed / 3600)
        session.surplus_s += (claim.held - session.due) * passed
        if now - self._recorded > _RECORD_S:
            self._recorded = now
            with contextlib.suppress(OSError):  # a full disk: the next one is tried
                self._usage.write(self._usage_file)

    def _divide(self, now: float) -> None:
        """Divide the slots anew if wishes have changed, or others are to have the odd one."""
        requests = [self._request(session, now) for session in self._sessions.values()]
        wishes = tuple((r.claim.session, r.most, r.most_on_cards, r.weight) for r in requests)
        wants = (wishes, tuple(self._have))
        if wants == self._wants and now - self._rotated < _ROTATE_S:
            return
        self._wants, self._rotated = wants, now
        self._targets = shares.allot(self._have, requests)
        for key, due in shares.dues(self._have, requests, self._targets).items():
            session = self._sessions[key]
            session.due = due
            # Of what is long past nobody is to profit.
            session.surplus_s = min(max(session.surplus_s, -_ROTATE_S), _ROTATE_S)

    def _request(self, session: Session, now: float) -> Request:
        claim = session.claim
        member = self._members.get(claim.member, Member())
        sweeps = sum(s.claim.member == claim.member for s in self._sessions.values())
        on_cards, session.limit = self._most_on_cards(claim, member, now)
        most = claim.wanted if claim.anywhere or not claim.slot.get("GPU") else on_cards
        if not member.hours.include(datetime.datetime.fromtimestamp(now)):
            most, session.limit = 0, f"{claim.member}'s hours are {member.hours}"
        surplus = min(max(session.surplus_s / _ROTATE_S, -0.99), 0.99)
        return Request(claim, member.weight / sweeps, most, surplus, on_cards)

    def _most_on_cards(self, claim: Claim, member: Member, now: float) -> tuple[int, str]:
        """Return the slots on cards that a member's limits allow, and the limit that does."""
        gpu = claim.slot.get("GPU", 0.0)
        if not gpu:
            return claim.wanted, ""
        used = self._usage.gpu_hours.get(claim.member, 0.0) if self._usage.day == _day(now) else 0.0
        if used >= member.gpu_hours_a_day:
            return 0, f"{claim.member} has had today's {member.gpu_hours_a_day:g} GPU-hours"
        wish = self._wish(claim)
        if math.isinf(member.gpus):
            return wish.wanted, ""
        own = [
            self._wish(s.claim) for s in self._sessions.values() if _on_cards_of(s, claim.member)
        ]
        if sum(one.wanted * one.slot["GPU"] for one in own) <= member.gpus:
            return wish.wanted, ""
        most = shares.within_limit(own, member.gpus)[claim.session]
        told = f"{claim.member} may have {counted(float(member.gpus), 'card')} at once"
        return most, told if most < wish.wanted else ""

    def _wish(self, claim: Claim) -> Claim:
        """Return a claim that wants no more slots on cards than there are, if any will do."""
        if not claim.anywhere:
            return claim
        cards = sum(machine.cards for machine in self._have)
        return replace(claim, wanted=min(claim.wanted, int(cards / claim.slot["GPU"] + 1e-6)))

    def _grant(self, session: Session, now: float) -> None:
        """Let a session have its share; of what others still hold, nothing before they let go."""
        target, booked = self._targets.get(session.claim.session, Portion()), session.booked
        lacking = Portion() if now < self._frozen_until else target.beyond(booked)
        lacking = lacking.within(Portion(self._limit(session), lacking.without))
        added = Portion()
        if lacking.slots:  # to place all that is booked takes long where there are many cards
            taken = [(other.claim, other.booked) for other in self._sessions.values()]
            added = shares.more(self._have, taken, session.claim, lacking)
        session.granted = booked.within(target) + added

    def _limit(self, session: Session) -> int:
        """Return the slots on cards that are free of those its member may have at once."""
        gpu = session.claim.slot.get("GPU", 0.0)
        limit = self._members.get(session.claim.member, Member()).gpus
        if not gpu or math.isinf(limit):
            return sys.maxsize
        own = [s for s in self._sessions.values() if _on_cards_of(s, session.claim.member)]
        held = sum(one.booked.on_cards * one.claim.slot["GPU"] for one in own)
        return max(0, int((limit - held) / gpu + 1e-6))

    def _others(self, session: Session) -> tuple[str, ...]:
        return tuple(
            f"{other.claim.member}'s sweep {other.claim.sweep} ({other.booked.slots})"
            for other in self._sessions.values()
            if other is not session and other.booked.slots
        )


def _on_cards_of(session: Session, member: str) -> bool:
    return session.claim.member == member and bool(session.claim.slot.get("GPU"))


def _day(now: float) -> str:
    return datetime.datetime.fromtimestamp(now).date().isoformat()


class Arbiter:
    """Is `Sharing` as an actor of Ray."""

    def __init__(self, members: str, usage: str) -> None:
        """Begin; Ray begins it again after a crash."""
        import ray

        again = ray.get_runtime_context().was_current_actor_reconstructed
        self._sharing = Sharing(_machines, Path(members), Path(usage), recovered=again)

    def beat(self, claim: Claim) -> Grant:
        """Take a session's word, and return how many slots it may hold."""
        return self._sharing.beat(claim)

    def status(self) -> dict[str, Any]:
        """Return all that is known, as plain containers."""
        return self._sharing.status()


def start(session: str) -> Any:
    """Return the arbiter of the head that this process is connected to; start it if need be.

    Args:
        session: tells this head from the one before, whose arbiter Ray may still have on record
            without the code to run it.
    """
    import ray
    from ray.experimental import internal_kv

    name = f"{ARBITER}-{session}"
    _end_other(internal_kv._internal_kv_get(ARBITER, namespace=NAMESPACE), name)
    arbiter = (
        ray.remote(Arbiter)
        .options(
            name=name,
            namespace=NAMESPACE,
            lifetime="detached",
            get_if_exists=True,
            num_cpus=0,
            # Of the head's machine alone, where its files are. By the machine's number Ray would
            # fail, or take another one, as long as others have not heard of a head started again.
            resources={"node:__internal_head__": 0.001},
            max_restarts=-1,
            max_task_retries=0,
            runtime_env={"env_vars": {"PYTHONPATH": str(ROOT)}},  # so that it finds this module
        )
        .remote(str(members_file()), str(FOLDER / "usage.json"))
    )
    internal_kv._internal_kv_put(ARBITER, name, overwrite=True, namespace=NAMESPACE)
    return arbiter


def _end_other(known: bytes | None, name: str) -> None:
    """End the arbiter of the head before, which Ray would start again for ever."""
    import ray

    if known and known.decode() != name:
        # It is gone, or on record without its code: then Ray cannot start it again either.
        with contextlib.suppress(Exception):
            ray.kill(ray.get_actor(known.decode(), namespace=NAMESPACE))


def _machines() -> list[Machine]:
    nodes = alive_nodes()
    gone = away(nodes)
    has = [node["Resources"] for node in nodes if node["NodeID"] not in gone]
    return [Machine(one.get("CPU", 0.0), int(one.get("GPU", 0.0))) for one in has]
