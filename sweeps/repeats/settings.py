"""Repeats: the same configuration with other seeds, and which of them is due next.

`repeats.runs` trains every configuration with several seeds, as one trial.
`repeats.top` runs the best few again once the search is over, with seeds that none of them was
chosen by. Which repeat comes next is a function of the records alone, in rounds: every candidate
with the first fresh seed, then every one with the second. Where candidates may be dropped after a
round, the next begins when all of the round have ended, so it does not matter how many run at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from sweeps.trials import SEED
from trainers.errors import ConfigError


@dataclass(frozen=True)
class Repeats:
    """What is run more than once.

    Attributes:
        runs: seeds that each trial is trained with; what it reports are means.
        top: so many of the best are run again when the search is over.
        seeds: fresh ones, each of these with each.
        race: drop one of them as soon as it cannot win any more.
    """

    runs: int = 1
    top: int = 0
    seeds: int = 3
    race: bool = True

    def __post_init__(self) -> None:
        _whole("runs", self.runs, 1, "repeats=3 trains each configuration with three seeds")
        _whole("top", self.top, 0, "repeats.top=5 runs the five best again")
        _whole("seeds", self.seeds, 2, "one score has no interval, repeats.seeds=3")
        if not isinstance(self.race, bool):
            raise ConfigError(f"repeats.race must be true or false, not {self.race!r}")

    @classmethod
    def read(cls, given: object) -> Repeats:
        """As configured: a number is one of runs; None is as good as nothing.

        Raises:
            ConfigError: a value out of its range, or a key that there is not.
        """
        if not isinstance(given, Mapping):
            return cls() if given is None else cls(runs=given)  # type: ignore[arg-type]
        known = [f.name for f in fields(cls)]
        for key in given:
            if key not in known:
                raise ConfigError(f"repeats.{key}: there is no such key ({', '.join(known)})")
        return cls(**given)

    def check(self, swept: Sequence[str], given: Sequence[str]) -> None:
        """See that they go with the rest of the sweep.

        Args:
            swept: the keys that vary.
            given: the keys of the command line.

        Raises:
            ConfigError: the seed is swept as well, or two overrides contradict each other.
        """
        if SEED in swept and (self.runs > 1 or self.top):
            raise ConfigError(
                "repeats: the seed is swept too, and repeats have seeds of their own: fix it, "
                "seed=0, or leave out the repeats"
            )
        if "repeats" in given and any(key.startswith("repeats.") for key in given):
            raise ConfigError(
                "repeats=… replaces all of repeats.…: write repeats.runs=3 beside the others"
            )

    @property
    def most(self) -> int:
        """The most trials that are run again at the end."""
        return self.top * self.seeds

    @property
    def told(self) -> str:
        """What comes after the search, in words; empty if nothing does."""
        if not self.top:
            return ""
        who = "the best one is" if self.top == 1 else f"the {self.top} best are"
        races = self.race and self.top > 1 and self.seeds > 2
        race = ", fewer where one cannot win any more" if races else ""
        return (
            f"{who} run again with {self.seeds} fresh seeds{'' if self.top == 1 else ' each'}, on "
            f"top of the budget: at most {self.most} more trials{race}"
        )


def _whole(name: str, value: object, least: int, remedy: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigError(
            f"repeats.{name} must be a whole number of {least} or more, not {value!r}: {remedy}"
        )


#: Everything once.
NO_REPEATS = Repeats()
