"""Read a member's terms for a machine: what is lent, when, and if its owner comes first."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.sharing.members import Hours
from trainers.errors import ConfigError


@dataclass(frozen=True)
class Terms:
    """Says what a machine lends.

    Attributes:
        cpus, gpus: how many; None: all there are.
        hours: of each day, by the machine's own clock.
        polite: whether it is lent only while its owner uses neither a card nor most of the cores.
    """

    cpus: int | None
    gpus: int | None
    hours: Hours
    polite: bool

    @staticmethod
    def parse(cpus: str, gpus: str, hours: str, polite: str) -> Terms:
        """Read them as a person writes them; empty: as it is by default.

        Raises:
            ConfigError: one of them cannot be.
        """
        if polite not in ("", "true", "false"):
            raise ConfigError(f"POLITE={polite} must be true or false, such as POLITE=true")
        return Terms(
            cpus=_number("CPUS", cpus, least=1),
            gpus=_number("GPUS", gpus, least=0),
            hours=Hours.parse(hours, "HOURS") if hours else Hours(),
            polite=polite == "true",
        )


def _number(name: str, text: str, least: int) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 6 or int(text) < least:
        raise ConfigError(
            f"{name}={text} must be a whole number, {least} or more: leave it out to lend all"
        )
    return int(text)
