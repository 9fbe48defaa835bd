"""Hold trials that are to end, pause or give way until their last epoch has arrived.

Meanwhile a trial keeps its slot and its process, which sends; nothing else of the session waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

#: Seconds between two looks whether the process of a held trial is there: Tune notices that one is
#: lost only when something is asked of it.
_ALIVE_S = 2.0


class HeldTrials:
    """Keeps the trials that are held, for Tune's loop to look at."""

    def __init__(self) -> None:
        """Hold none."""
        self._held: dict[str, tuple[Any, Any, float]] = {}

    def __reduce__(self) -> tuple[type[HeldTrials], tuple[()]]:
        return HeldTrials, ()  # Tune pickles what it is given, for a restore nobody makes

    def __deepcopy__(self, memo: dict[int, Any]) -> HeldTrials:
        return self

    def hold(self, name: str, controller: Any, trial: Any) -> None:
        """Hold a trial of Tune's, which has just told an epoch and gets no answer yet.

        Args:
            controller: Tune's own.
        """
        self._held[name] = (controller, trial, time.monotonic() + _ALIVE_S)

    def drop(self, name: str) -> None:
        """Hold a trial no longer, its process being lost."""
        self._held.pop(name, None)

    def look(self, verdict: Callable[[str], bool | None]) -> None:
        """Let those go on or end whose last epoch is here.

        Args:
            verdict: returns whether a trial stops now; None as long as it is to be held.
        """
        for name, (controller, trial, due) in list(self._held.items()):
            stops = verdict(name)
            if stops is not None:
                del self._held[name]
                if stops:
                    controller.stop_trial(trial)
                else:
                    controller._schedule_trial_train(trial)
            elif time.monotonic() >= due:
                self._held[name] = (controller, trial, time.monotonic() + _ALIVE_S)
                controller._schedule_trial_task(
                    trial,
                    "get_auto_filled_metrics",
                    on_error=controller._trial_task_failure,
                )
