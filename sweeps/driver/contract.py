"""Define what passes between the driver and whoever runs trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from omegaconf import DictConfig

from trainers.config import TrainConfig


@dataclass(frozen=True)
class Assignment:
    """Describes a trial to run, or to resume.

    Attributes:
        config: the trial's configuration, plain containers; its `resources.gpu` is what it has.
        folder: where its checkpoints go.
        after: the last epoch on record; those that the folder has beyond it come first.
        owner: id of this training, unlike that of any other trial of any sweep.
    """

    trial: str
    config: Mapping[str, Any]
    folder: Path
    after: int
    owner: str


@dataclass(frozen=True)
class Slots:
    """Says how many trials may run at once, now.

    Attributes:
        fits: those that the machines have room for, those not lent now too; 0 where there is none.
        shared: whether it is a cluster that several sweeps share.
        others: who has the rest of it.
        limit: what of its member's limits keeps the sweep from more; empty if none does.
        away: machine -> why nothing is to run there now, such as "alpha's vm: its hours are 20-08".
        on_cards: of the trials, those on cards, where the others run on machines without cards;
            None: all are alike.
        with_cards: the machines with cards, where it is so.
    """

    trials: int
    fits: int
    shared: bool = False
    others: tuple[str, ...] = ()
    limit: str = ""
    away: Mapping[str, str] = field(default_factory=dict)
    on_cards: int | None = None
    with_cards: tuple[str, ...] = ()

    @property
    def kinds(self) -> str:
        """Say how many trials run on cards and how many without; empty where all are alike."""
        if self.on_cards is None:
            return ""
        return f" ({self.on_cards} on cards, {self.trials - self.on_cards} on machines without)"


class LookUpSlots(Protocol):
    """Gives a session the slots there are now."""

    def __call__(self, held: int, wanted: int | None, on_cards: int = 0) -> Slots:
        """Return them.

        Args:
            held: slots that its trials have.
            wanted: those that it could use; None: all.
            on_cards: of those held, those on cards, where trials also run on machines without.
        """


class Trainings(Protocol):
    """Makes trainings of parameters: a sweep's `Composition`, or a simulation's stand-in."""

    @property
    def base(self) -> DictConfig:
        """Return the configuration without any swept value."""

    def choices(self, params: Mapping[str, Any]) -> Mapping[str, str]:
        """Map each config group to the choice that a trial makes in it."""

    def training(self, params: Mapping[str, Any]) -> tuple[Mapping[str, Any], TrainConfig]:
        """Compose a trial: its whole configuration, plain containers, and the training in it."""


def with_absolute_paths(config: Mapping[str, Any]) -> dict[str, Any]:
    """Make a trial's configuration fit for a process in another current folder."""
    data = config["data"]
    paths = {
        key: str(Path(data[key]).expanduser().absolute())
        for key in ("root", "cache")
        if data.get(key)
    }
    return {**config, "data": {**data, **paths}}
