"""Count what was wasted: failed trials, refused proposals, idle machines, lost time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from sweeps.findings.finding import Certainty, Finding, Topic, slug
from sweeps.formatting import clip, counted, duration, one_line
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.recorded.spans import joined, longest_pause, total
from sweeps.trials import State, TrialRecord

_BAD = (State.FAILED, State.DIVERGED, State.ABANDONED)
#: Reasons that are named, the most frequent first, and the cells of each.
_MOST_REASONS, _CELLS = 3, 90
#: A machine that stood idle for less, or a time without training, is not spoken of.
_LEAST_SHARE, _LEAST_S = 0.05, 10.0
#: What `RecordedSweep.epochs_span` is called, wherever it is told.
EPOCHS_SPAN = "from the first epoch to the last"
_NUMBER = re.compile(r"\d[\d.,_]*(?:e[+-]?\d+)?")


def waste_findings(sweep: RecordedSweep) -> Iterator[Finding]:
    """Yield what was wasted; nothing where nothing was."""
    bad = [trial for trial in sweep.trials if trial.state in _BAD]
    if bad:
        lost = sum(trial.seconds for trial in bad)
        text = f"{counted(len(bad), 'trial')} of {_trained(sweep)} came to nothing: {_reasons(bad)}"
        if lost >= 1:
            text += f"; {duration(lost)} of training was lost"
        yield _counted("waste-failed", text, lost, "s", bad)
    refused = [trial for trial in sweep.trials if trial.state is State.INFEASIBLE]
    if refused:
        text = f"{counted(len(refused), 'proposal')} could not be trained: {_reasons(refused)}"
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


def _idle(sweep: RecordedSweep) -> Iterator[Finding]:
    """Yield the machines on which nothing trained for some of the time that others did."""
    lasted = sweep.epochs_span
    for name, own in sorted(sweep.spans.items()):
        idle = lasted - total(joined(own))
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
    pause = longest_pause(sweep.spans)  # of a session, or of a trial that was paused
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
