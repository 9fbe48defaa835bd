"""Define what a sweep's session tells the head's arbiter, and what the arbiter answers."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from trainers.errors import ConfigError

#: The key in Ray's store that has the name of the arbiter's actor, and the namespace of both.
ARBITER, NAMESPACE = "arbiter", "caviar"
#: Seconds without a word from a session after which its slots are given to others.
LEASE_S = 15.0


@dataclass(frozen=True)
class Claim:
    """Says what one session of a sweep wants of the cluster, and what it has.

    Attributes:
        session: unlike that of any other session of any sweep.
        member: whose sweep it is, by whose weight and limits it is served.
        slot: what a trial takes: CPU, GPU.
        wanted: slots that it could use now.
        held: slots that its trials have now.
        progress: how it does, in words: "7 of 24 trials ended; about 12:00 left".
        running: "member/machine" -> trials that run there; of those whose first epoch has ended.
        anywhere: whether a slot may also be on a machine without cards, and takes no GPU there.
        on_cards: of the slots held, those on cards, where slots may be anywhere.
    """

    session: str
    sweep: str
    member: str
    slot: Mapping[str, float]
    wanted: int
    held: int
    progress: str = ""
    running: Mapping[str, int] = field(default_factory=dict)
    anywhere: bool = False
    on_cards: int = 0


@dataclass(frozen=True)
class Grant:
    """Says how many slots a session may hold until its next word.

    Attributes:
        slots: trials that may run at once; a session that has more lets them go at their epochs'
            ends.
        others: who has the rest, such as "beta's sweep b (2)".
        limit: what of the member's limits keeps it from more; empty if none does.
        on_cards: of the slots, those that are on cards.
    """

    slots: int
    others: tuple[str, ...] = field(default=())
    limit: str = ""
    on_cards: int = 0


#: What a member's name must be, in words.
NAME_RULE = "must be up to 63 letters, digits, '.', '_' and '-'"


def member_name(name: str) -> str:
    """Check a member's name, and return it.

    Raises:
        ConfigError: it cannot be a label in Ray.
    """
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", name):
        raise ConfigError(f"MEMBER={name!r} {NAME_RULE}, such as MEMBER=alpha")
    return name


def own_member() -> str:
    """Return whose sweep a person says it is (MEMBER=); empty if it is not said.

    Raises:
        ConfigError: no member can have that name.
    """
    member = os.environ.get("CAVIAR_MEMBER", "")
    return member and member_name(member)
