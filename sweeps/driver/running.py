"""Keep the trials that run, and what each has of the cards."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sweeps.driver.contract import Slots


class RunningTrials(Collection[str]):
    """Keeps the trials of a session that have been handed out and have not ended."""

    def __init__(self) -> None:
        """Begin with none."""
        self._gpus: dict[str, float | None] = {}

    def __len__(self) -> int:
        return len(self._gpus)

    def __iter__(self) -> Iterator[str]:
        return iter(self._gpus)

    def __contains__(self, trial: object) -> bool:
        return trial in self._gpus

    @property
    def on_cards(self) -> int:
        """Count those that are not without a card, where trials may run without."""
        return sum(gpus != 0 for gpus in self._gpus.values())

    def gpus(self, trial: str) -> float | None:
        """Return what a trial has of the cards; None: what the sweep's trials usually have."""
        return self._gpus[trial]

    def add(self, trial: str, config: Mapping[str, Any], slots: Slots) -> dict[str, Any]:
        """Let a trial run: on a card if more may, else without one.

        Returns:
            Its configuration, which says so.
        """
        without = slots.on_cards is not None and self.on_cards >= slots.on_cards
        self._gpus[trial] = 0.0 if without else None
        if not without:
            return dict(config)
        return {**config, "resources": {**config["resources"], "gpu": 0.0}}

    def discard(self, trial: str) -> None:
        """Let a trial run no more, if it did."""
        self._gpus.pop(trial, None)

    def kinds(self, trials: Collection[str], slots: Slots) -> list[tuple[list[str], int]]:
        """Divide trials by where they run; returns those of each kind, and how many may."""
        if slots.on_cards is None:
            return [(list(trials), slots.trials)]
        without = [trial for trial in trials if self._gpus[trial] == 0]
        on_cards = [trial for trial in trials if trial not in without]
        return [(on_cards, slots.on_cards), (without, slots.trials - slots.on_cards)]
