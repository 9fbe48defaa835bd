"""Count what was wasted: failed trials, refused proposals, idle machines, lost time."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sweeps.findings.finding import Certainty, Finding, Topic, slug
from sweeps.formatting import clip, duration, one_line
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.trials import State, TrialRecord

_BAD = (State.FAILED, State.DIVERGED, State.ABANDONED)
#: Reasons that are named, the most frequent first, and the cells of each.
_MOST_REASONS, _CELLS = 3, 90
#: A machine that stood idle for less, or a time without training, is not spoken of.
_LEAST_SHARE, _LEAST_S = 0.05, 10.0
#: No session lasts without any epoch for so many times the longest epoch, and so many seconds.
_BREAK_TIMES, _BREAK_S = 3.0, 120.0
#: What `epochs_span` is called, wherever it is told.
EPOCHS_SPAN = "from the first epoch to the last"
_NUMBER = re.compile(r"\d[\d.,_]*(?:e[+-]?\d+)?")


@dataclass(frozen=True)
class Span:
    """Holds a time in which a machine trained an epoch, in seconds since 1970."""

    start: float
    end: float


def waste_findings(sweep: RecordedSweep) -> Iterator[Finding]:
    """Yield what was wasted; nothing where nothing was."""
    bad = [trial for trial in sweep.trials if trial.state in _BAD]
    if bad:
        lost = sum(trial.seconds for trial in bad)
        text = f"{_count(len(bad), 'trial')} of {_trained(sweep)} came to nothing: {_reasons(bad)}"
        if lost >= 1:
            text += f"; {duration(lost)} of training was lost"
        yield _counted("waste-failed", text, lost, "s", bad)
    refused = [trial for trial in sweep.trials if trial.state is State.INFEASIBLE]
    if refused:
        text = f"{_count(len(refused), 'proposal')} could not be trained: {_reasons(refused)}"
        yield _counted("waste-infeasible", text, float(len(refused)), "proposals", refused)
    yield from _idle(sweep)
    yield from _without_training(sweep)


def _counted(
    id: str, text: str, value: float, unit: str, trials: Sequence[TrialRecord] = ()
) -> Finding:
    named = tuple(trial.id for trial in trials[:50])
    return Finding(id, Topic.WASTE, Certainty.COUNTED, text, value=value, unit=unit, trials=named)


def _trained(sweep: RecordedSweep) -> int:
    return sum(trial.state is not State.INFEASIBLE for trial in sweep.trials)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _reasons(trials: Sequence[TrialRecord]) -> str:
    """Count the reasons; those that differ in their numbers alone are one."""
    kinds: Counter[str] = Counter()
    example: dict[str, str] = {}
    for trial in trials:
        reason = one_line(trial.reason) or trial.state.value
        kind = _NUMBER.sub("0", reason)
        kinds[kind] += 1
        example.setdefault(kind, reason)
    common = kinds.most_common(_MOST_REASONS)
    parts = [f"{n} x {clip(example[kind], _CELLS)}" for kind, n in common]
    if rest := sum(kinds.values()) - sum(n for _, n in common):
        parts.append(f"{rest} for other reasons")
    return ", ".join(parts)


def _spans(sweep: RecordedSweep) -> dict[str, list[Span]]:
    """Return when each machine trained, by its name."""
    spans: dict[str, list[Span]] = defaultdict(list)
    for trial in sweep.trials:
        for epoch, moment in trial.moments.items():
            seconds = max(trial.epochs.get(epoch, {}).get("epoch_s", 0.0), 0.0)
            name = f"{moment.machine} ({moment.member})" if moment.member else moment.machine
            spans[name].append(Span(moment.at - seconds, moment.at))
    return {name: sorted(own, key=lambda span: span.start) for name, own in spans.items()}


def _joined(spans: Sequence[Span], gap: float = 0.0) -> list[Span]:
    """Join spans that overlap, or are no further apart than a gap."""
    joined: list[Span] = []
    for span in sorted(spans, key=lambda one: one.start):
        if joined and span.start <= joined[-1].end + gap:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined


def _total(spans: Sequence[Span]) -> float:
    return sum(span.end - span.start for span in spans)


def _sessions(spans: dict[str, list[Span]]) -> list[Span]:
    """Return the times between epochs, without breaks in which no machine trained."""
    every = [span for own in spans.values() for span in own]
    longest = max((span.end - span.start for span in every), default=0.0)
    return _joined(every, max(_BREAK_S, _BREAK_TIMES * longest))


def epochs_span(sweep: RecordedSweep) -> float:
    """Return the seconds from the first epoch's start to the last one's end, breaks left out.

    Less than the wall time of the sweep, in which Ray and processes start, and files are written.
    """
    return _total(_sessions(_spans(sweep)))


def _idle(sweep: RecordedSweep) -> Iterator[Finding]:
    """Yield the machines on which nothing trained for some of the time that others did."""
    spans = _spans(sweep)
    lasted = _total(_sessions(spans))
    for name, own in sorted(spans.items()):
        idle = lasted - _total(_joined(own))
        if idle < max(_LEAST_S, _LEAST_SHARE * lasted):
            continue
        shown = clip(one_line(name) or "the machine", 40)
        text = (
            f"{shown} trained nothing for {duration(idle)} of the {duration(lasted)} {EPOCHS_SPAN} "
            f"({idle / lasted:.0%})"
        )
        yield _counted(f"waste-idle-{slug(name)}", text, idle, "s")


def _without_training(sweep: RecordedSweep) -> Iterator[Finding]:
    """Yield the time between the epochs of trials: checkpoints, waiting, and starting again."""
    spans = _spans(sweep)
    longest = max((s.end - s.start for own in spans.values() for s in own), default=0.0)
    pause = max(_BREAK_S, _BREAK_TIMES * longest)  # of a session, or of a trial that was paused
    between = trained = 0.0
    for trial in sweep.trials:
        for epoch, moment in trial.moments.items():
            seconds = max(trial.epochs.get(epoch, {}).get("epoch_s", 0.0), 0.0)
            trained += seconds
            if (before := trial.moments.get(epoch - 1)) is not None:
                gap = moment.at - seconds - before.at
                between += gap if 0 < gap < pause else 0.0
    if between >= max(_LEAST_S, _LEAST_SHARE * (between + trained)):
        text = (
            f"{duration(between)} of the {duration(between + trained)} that trials held their "
            f"slots after their first epoch was no training ({between / (between + trained):.0%}): "
            "checkpoints and waiting"
        )
        yield _counted("waste-between", text, between, "s")
