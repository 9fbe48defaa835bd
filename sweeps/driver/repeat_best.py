"""Repeat the best trials with fresh seeds: what the driver runs once the search is over."""

from __future__ import annotations

from collections.abc import Collection

from sweeps.driver.ledger import Ledger
from sweeps.driver.observer import Observer
from sweeps.repeats.plan import Standing, stand
from sweeps.repeats.settings import Repeats
from sweeps.study.study import Study
from sweeps.trials import Source, State, TrialRecord


class RepeatBest:
    """Describes the repeats of one session, at the end of the search.

    `active` are the ids of the trials that have begun and not ended. As long as one of them is of
    the search, there is nothing to repeat yet.
    """

    def __init__(
        self, repeats: Repeats, study: Study, seed: int, observer: Observer, ledger: Ledger
    ) -> None:
        """Take up the repeats where the study stands; `seed` is the sweep's."""
        self._repeats = repeats
        self._study = study
        self._seed = seed
        self._observer = observer
        self._ledger = ledger
        self._begun = False  # whether this session has no search left
        self._standing: Standing | None = None  # as last looked at; None: it may have changed
        self._dropped: set[str] = set()

    def left(self, active: Collection[str]) -> bool:
        """Whether there are more repeats to come than those that have begun."""
        if not self._repeats.top:
            return False
        standing = self._stand(active)
        return standing is None or bool(standing.due) or standing.waits

    def next(self, active: Collection[str]) -> TrialRecord | None:
        """Enter the next repeat in the study; None if there is none now."""
        standing = self._stand(active)
        if standing is None or not standing.due:
            return None
        original, seed = standing.due[0]
        self._standing = None
        return self._study.derive(self._study.trial(original).params, Source(original, seed=seed))

    def begin(self, active: Collection[str]) -> None:
        """Begin a repeat, the search proposing nothing more."""
        standing = self._stand(active)
        if standing is None:
            return
        if not self._begun:
            self._begun = True
            self._ledger.begin_repeats()
            self._dropped = {c.ranked.trial.id for c in standing.candidates if c.dropped}
            best = ", ".join(c.ranked.trial.id for c in standing.candidates if not c.dropped)
            self._observer.notify(
                f"the search is over; run again with {self._repeats.seeds} fresh seeds: {best}"
            )
        self._show(standing)

    def ended(self, trial: TrialRecord) -> None:
        """Take in that a trial has ended."""
        self._standing = None
        if trial.repeat_of is not None and self._begun:
            self._show(self._stand(()))

    def _show(self, standing: Standing | None) -> None:
        if standing is None:
            return
        for candidate in standing.candidates:
            one = candidate.ranked.trial.id
            if candidate.dropped and one not in self._dropped:
                self._dropped.add(one)
                self._observer.notify(f"{one} is not run again any more: it is behind, 95 % sure")
        ran = sum(trial.state is not State.INFEASIBLE for trial in self._study.trials)
        self._observer.repeats_planned(ran + standing.left)

    def _stand(self, active: Collection[str]) -> Standing | None:
        """Return where the repeats stand; None before all trials of the search have ended."""
        searching = (one for one in active if self._study.trial(one).repeat_of is None)
        if not self._repeats.top or next(searching, None) is not None:
            return None
        if self._standing is None:
            trials, objective = self._study.trials, self._study.objective
            self._standing = stand(self._repeats, trials, objective, self._seed)
        return self._standing
