"""Tell when the machines of a sweep trained, from the moments at which epochs ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sweeps.trials import TrialRecord

#: No session lasts without any epoch for so many times the longest epoch, and so many seconds.
_BREAK_TIMES, _BREAK_S = 3.0, 120.0


class Span(NamedTuple):
    """Holds a time in which a machine trained an epoch, in seconds since 1970."""

    start: float
    end: float


def spans_of(trials: Iterable[TrialRecord]) -> dict[str, list[Span]]:
    """Return when each machine trained, by its name, in the order of time."""
    spans: dict[str, list[Span]] = defaultdict(list)
    for trial in trials:
        for epoch, moment in trial.moments.items():
            seconds = max(trial.epochs.get(epoch, {}).get("epoch_s", 0.0), 0.0)
            name = f"{moment.machine} ({moment.member})" if moment.member else moment.machine
            spans[name].append(Span(moment.at - seconds, moment.at))
    return {name: sorted(own) for name, own in spans.items()}


def joined(spans: Iterable[Span], gap: float = 0.0) -> list[Span]:
    """Join spans that overlap, or are no further apart than a gap in seconds."""
    found: list[Span] = []
    start = end = float("-inf")
    for span in sorted(spans):
        if span.start > end + gap:
            if end >= start > float("-inf"):
                found.append(Span(start, end))
            start, end = span
        elif span.end > end:
            end = span.end
    if end >= start > float("-inf"):
        found.append(Span(start, end))
    return found


def total(spans: Sequence[Span]) -> float:
    """Return the seconds that spans have together."""
    return sum(span.end - span.start for span in spans)


def longest_pause(spans: Mapping[str, Sequence[Span]]) -> float:
    """Return the seconds without an epoch after which a session, or a trial's turn, was over."""
    longest = max((span.end - span.start for own in spans.values() for span in own), default=0.0)
    return max(_BREAK_S, _BREAK_TIMES * longest)


def sessions(spans: Mapping[str, Sequence[Span]]) -> list[Span]:
    """Return the times between epochs, without breaks in which no machine trained."""
    return joined((span for own in spans.values() for span in own), longest_pause(spans))
