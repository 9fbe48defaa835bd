"""Read and check the settings of repeats: the same configuration with other seeds.

`repeats.runs` trains every configuration with several seeds, as one trial.
`repeats.top` reruns the best few trials once the search is over, with seeds by which none of them
was chosen. Which repeat comes next is a function of the records alone, in rounds: every candidate
with the first fresh seed, then every one with the second. Where candidates may be dropped after a
round, the next round begins when all repeats of this one have ended, so the outcome does not depend
on how many run at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from sweeps.trials import SEED
from trainers.config.hydra_grammar import written
from trainers.errors import ConfigError


@dataclass(frozen=True)
class Repeats:
    """Holds the settings of repeats.

    Attributes:
        runs: number of seeds that each trial is trained with; it reports means over them.
        top: number of best trials that are rerun when the search is over.
        seeds: number of fresh seeds that each of the best trials is rerun with.
        race: whether a candidate is dropped as soon as it cannot win any more.
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
            raise ConfigError(f"repeats.race must be true or false, not {written(self.race)}")

    @classmethod
    def read(cls, value: object) -> Repeats:
        """Read the `repeats` node: a mapping, the number of runs, or None for no repeats.

        Raises:
            ConfigError: a value is out of its range, or a key does not exist.
        """
        if not isinstance(value, Mapping):
            return cls() if value is None else cls(runs=value)  # type: ignore[arg-type]
        keys = [f.name for f in fields(cls)]
        for key in value:
            if key not in keys:
                raise ConfigError(f"repeats.{key}: there is no such key ({', '.join(keys)})")
        return cls(**value)

    def check(self, swept: Sequence[str], given: Sequence[str]) -> None:
        """Check that the repeats are compatible with the rest of the sweep.

        Args:
            swept: the keys that vary.
            given: the keys of the command line.

        Raises:
            ConfigError: the seed is swept as well, or two overrides contradict each other.
        """
        if SEED in swept and (self.runs > 1 or self.top):
            raise ConfigError(
                "repeats: the seed is swept too, and repeats have seeds of their own: fix the seed "
                "(seed=0), or leave out the repeats"
            )
        if "repeats" in given and any(key.startswith("repeats.") for key in given):
            raise ConfigError(
                "repeats=… replaces all repeats.… settings: write repeats.runs=3 beside the others"
            )

    @property
    def most(self) -> int:
        """Return the number of trials that are rerun at the end, at most."""
        return self.top * self.seeds

    @property
    def description(self) -> str:
        """Description of the reruns after the search; empty if there are none."""
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
            f"repeats.{name} must be a whole number of {least} or more, not {written(value)}: "
            f"{remedy}"
        )


#: Every configuration is trained once.
NO_REPEATS = Repeats()
