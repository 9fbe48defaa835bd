"""Keep the trials that run, with what each takes, and those that have begun and go on later."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sweeps.driver.contract import Slots
from sweeps.trials import TrialRecord


@dataclass(frozen=True)
class _Taken:
    """Says what a trial takes.

    Attributes:
        gpus: of the cards; None: what the sweep's trials usually take.
        whole: whether it has whole cards, and may use all of their memory.
    """

    gpus: float | None
    slots: int
    whole: bool


class RunningTrials(Collection[str]):
    """Keeps the trials of a session that have been handed out and have not ended."""

    def __init__(self, gpus: float) -> None:
        """Begin with none; `gpus` is what a trial on a card usually takes."""
        self._usual = gpus
        self._taken: dict[str, _Taken] = {}

    def __len__(self) -> int:
        return len(self._taken)

    def __iter__(self) -> Iterator[str]:
        return iter(self._taken)

    def __contains__(self, trial: object) -> bool:
        return trial in self._taken

    @property
    def of_a_card(self) -> int:
        """Count the slots that a whole card holds."""
        return int(1 / self._usual + 1e-6) if 0 < self._usual < 1 else 1

    @property
    def slots(self) -> int:
        """Count the slots of all: one each, but for a trial that is alone on a card."""
        return sum(taken.slots for taken in self._taken.values())

    @property
    def on_cards(self) -> int:
        """Count the slots of those that are not without a card, where trials may run without."""
        return sum(taken.slots for taken in self._taken.values() if taken.gpus != 0)

    def takes(self, trial: str) -> int:
        """Count the slots of a trial."""
        return self._taken[trial].slots

    def gpus(self, trial: str) -> float | None:
        """Return what a trial has of the cards; None: what the sweep's trials usually have."""
        return self._taken[trial].gpus

    def gains_alone(self, trial: TrialRecord) -> bool:
        """Whether a trial would have more memory with a card to itself, and has had none."""
        taken = self._taken.get(trial.id)
        return self._usual > 0 and taken is not None and not taken.whole and not trial.alone

    def is_alone(self, trial: str) -> bool:
        """Whether a trial has whole cards, and may use all of their memory."""
        taken = self._taken.get(trial)
        return taken is not None and taken.whole

    def fits_alone(self, slots: Slots) -> bool:
        """Whether a whole card's worth of slots is free."""
        most = slots.trials if slots.on_cards is None else slots.on_cards
        return most - self.on_cards >= self.of_a_card

    def add(self, record: TrialRecord, config: Mapping[str, Any], slots: Slots) -> dict[str, Any]:
        """Let a trial run: on a card if more may, else without one; or alone on a card.

        Returns:
            Its configuration, which says so.
        """
        given = config["resources"]
        own, memory = given["gpu"], given["gpu_memory_gb"]
        gpus = float(own) if isinstance(own, int | float) else self._usual
        alone = bool(record.alone) and self._usual > 0
        without = not alone and slots.on_cards is not None and self.on_cards >= slots.on_cards
        if alone:
            gpus, memory = max(1.0, gpus), None
        elif without:
            gpus = 0.0
        self._taken[record.id] = _Taken(
            gpus=gpus if without or (alone and gpus != self._usual) else None,
            slots=self.of_a_card if alone else 1,
            whole=gpus >= 1 and memory is None,
        )
        if not (alone or without):
            return dict(config)
        return {**config, "resources": {**given, "gpu": gpus, "gpu_memory_gb": memory}}

    def discard(self, trial: str) -> None:
        """Let a trial run no more, if it did."""
        self._taken.pop(trial, None)

    def kinds(self, trials: Collection[str], slots: Slots) -> list[tuple[list[str], int]]:
        """Divide trials by where they run; returns those of each kind, and their most slots."""
        if slots.on_cards is None:
            return [(list(trials), slots.trials)]
        without = [trial for trial in trials if self._taken[trial].gpus == 0]
        on_cards = [trial for trial in trials if trial not in without]
        return [(on_cards, slots.on_cards), (without, slots.trials - slots.on_cards)]


class UnfinishedTrials(Collection[str]):
    """Keeps the trials that have begun and go on later, in this order.

    Attributes:
        alone: those of them that are to go on with a card to themselves.
    """

    def __init__(self, trials: Iterable[TrialRecord]) -> None:
        """Begin with these."""
        self._trials: deque[str] = deque()
        self.alone: dict[str, None] = {}
        for trial in trials:
            self.append(trial)

    def __len__(self) -> int:
        return len(self._trials) + len(self.alone)

    def __iter__(self) -> Iterator[str]:
        yield from self._trials
        yield from self.alone

    def __contains__(self, trial: object) -> bool:
        return trial in self._trials or trial in self.alone

    def slots(self, of_a_card: int) -> int:
        """Count the slots that they need, given those of a whole card."""
        return len(self._trials) + len(self.alone) * of_a_card

    def append(self, trial: TrialRecord) -> None:
        """Add a trial."""
        if trial.alone:
            self.alone[trial.id] = None
        else:
            self._trials.append(trial.id)

    def take(self, running: RunningTrials, slots: Slots) -> str | None:
        """Remove the next that may go on now, and return it; None if there is none.

        What is to be alone waits until a card's worth of slots is free; or until nothing runs, as
        the sweep may never have so many, and a trial waits for Ray to find it a card.
        """
        if self.alone and slots.on_cards != 0 and running.fits_alone(slots):
            return self.take_alone()
        return self._trials.popleft() if self._trials else None

    def take_alone(self) -> str:
        """Remove the first that is to be alone, and return it."""
        trial = next(iter(self.alone))
        del self.alone[trial]
        return trial
