"""Propose what to run next, each as a command to be pasted, with the reason."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sweeps.config.overrides import key_of
from sweeps.findings.early_stopping import full_length
from sweeps.findings.edges import Advice, Edge
from sweeps.findings.finding import Certainty, Effect, Finding, Topic
from sweeps.findings.seed_noise import SeedNoise
from sweeps.formatting import command, one_line, short_names
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.space.dimensions import Choice, Dimension, Interval, label_of, text
from sweeps.trials import SEED, Ranked, State
from trainers.config.hydra_grammar import written

#: Overrides of a sweep that the next one has otherwise.
_OWN = ("name", "results", "preview", "from_sweep", "plan", "study")
#: The best few, of which most are to rise still, and at which part of their epochs.
_BEST, _LATE = 5, 0.95
#: Digits of a number that nobody has asked for.
_DIGITS = 2
#: The best came in the last part of the trials: it was still being improved on.
_LAST_PART = 0.75


def next_findings(
    sweep: RecordedSweep,
    ranked: Sequence[Ranked],
    found: Sequence[Edge],
    effects: Sequence[Effect],
    noise: SeedNoise | None,
) -> Iterator[Finding]:
    """Yield what to run next; nothing while trials run, or where none has a score."""
    if not ranked or any(not trial.state.ended for trial in sweep.trials):
        return
    population = any(trial.taken_over for trial in sweep.trials)
    space = changed_space(sweep.dimensions, found)
    if space:
        yield _another_space(sweep, space)
    if not population and SEED not in sweep.dimensions:
        if any(effect.pairs and not effect.known for effect in effects):
            yield _seeds(sweep)
        elif (noise is None or not noise.repeated) and len(ranked) > 1:
            yield _repeats(sweep, ranked)
    if not population and (rising := _rising(sweep, ranked)):
        yield _longer(sweep, rising)
    if not space and _came_late(ranked) and (sweep.config.get("budget") or {}).get("trials"):
        yield _more_trials(sweep, ranked)


def _advice(id: str, text: str, line: str, trials: Sequence[str] = (), key: str = "") -> Finding:
    return Finding(
        id, Topic.NEXT, Certainty.ADVICE, text, trials=tuple(trials), key=key, command=line
    )


def changed_space(
    dimensions: Mapping[str, Dimension], found: Sequence[Edge]
) -> dict[str, tuple[str, str]]:
    """Return key -> (what it is to vary over, in Hydra's grammar; the reason in a few words)."""
    changes: dict[str, tuple[str, str]] = {}
    names = short_names(dimensions)
    for key, dimension in dimensions.items():
        own = [edge for edge in found if edge.key == key]
        if not own:
            continue
        if isinstance(dimension, Interval):
            grown = _interval(dimension, own)
        else:
            grown = _choice(dimension, own)
        if grown is not None:
            words = {Advice.RAISE: "widened", Advice.LOWER: "widened"}
            what = " and ".join(dict.fromkeys(words.get(e.advice, "narrowed") for e in own))
            changes[key] = (grown, f"{names[key]} {what}")
    return changes


def _interval(dimension: Interval, found: Sequence[Edge]) -> str | None:
    """Write an interval with its ends moved; None if they stay where they are."""
    low, high = dimension.low, dimension.high
    if dimension.step is not None:
        return None
    for edge in found:
        if edge.advice is Advice.CUT_BELOW:
            low = _rounded(edge.value, dimension, up=False)
        elif edge.advice is Advice.CUT_ABOVE:
            high = _rounded(edge.value, dimension, up=True)
        elif edge.advice is Advice.RAISE:
            high = _further(dimension, up=True)
        elif edge.advice is Advice.LOWER:
            low = _further(dimension, up=False)
    low = max(low, dimension.low) if low > dimension.low else low
    if not low < high or (low, high) == (dimension.low, dimension.high):
        return None
    if dimension.integer:
        inner = f"int(interval({int(low)},{int(high)}))"
    else:
        inner = f"interval({text(float(low))},{text(float(high))})"
    tag = "log" if dimension.log else "log1m" if dimension.log1m else ""
    return f"tag({tag},{inner})" if tag else inner


def _rounded(value: float, dimension: Interval, up: bool) -> float:
    """Round a value outwards to two digits, within the interval."""
    if dimension.log1m:
        left = _digits(1 - value, not up)
        return min(max(float(f"{1 - left:.12g}"), dimension.low), dimension.high)
    return min(max(_digits(value, up), dimension.low), dimension.high)


def _digits(value: float, up: bool) -> float:
    if value == 0 or not math.isfinite(value):
        return value
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - _DIGITS + 1)
    steps = value / unit
    whole = math.ceil(steps - 1e-9) if up else math.floor(steps + 1e-9)
    return float(f"{whole * unit:.12g}")


def _further(dimension: Interval, up: bool) -> float:
    """Move an end by half the scale, not beyond where a share or a positive number ends."""
    low, high = dimension.low, dimension.high
    if dimension.log1m:
        ratio = math.sqrt((1 - low) / (1 - high))
        end = 1 - (1 - high) / ratio if up else 1 - (1 - low) * ratio
        return _rounded_end(end if up else max(end, 0.0), up)
    if dimension.log:
        ratio = math.sqrt(high / low)
        end = high * ratio if up else low / ratio
        return max(round(end), 1) if dimension.integer else _digits(end, up)
    end = high + (high - low) / 2 if up else low - (high - low) / 2
    if dimension.integer:
        return max(round(end), min(round(low), 1)) if not up else round(end)
    if low >= 0 and high <= 1:  # it may be a share, such as a dropout or a momentum
        end = (high + 1) / 2 if up else low / 2
    elif low >= 0:
        end = max(end, low / 2)
    return float(f"{end:.{_DIGITS}g}")


def _rounded_end(value: float, up: bool) -> float:
    return float(f"{1 - _digits(1 - value, not up):.12g}")


def _choice(dimension: Choice, found: Sequence[Edge]) -> str | None:
    """Write a list without the values that are no good, and with one beyond its end."""
    out = {_name(e.value) for e in found if e.advice is Advice.LEAVE_OUT}
    values = [value for value in dimension.values if _name(value) not in out]
    for edge in found:
        if edge.advice in (Advice.RAISE, Advice.LOWER):
            further = _beyond(dimension.values, edge.advice is Advice.RAISE)
            values += [] if further is None else [further]
    if not values or [*map(_name, values)] == [*map(_name, dimension.values)]:
        return None
    return ",".join(map(written, values))


def _name(value: Any) -> str:
    return repr(label_of(value))


def _beyond(values: Sequence[Any], up: bool) -> int | None:
    """Continue whole numbers by one, as they grow: 256, 512 by 1024 and 3, 5 by 7."""
    if not all(isinstance(v, int) and not isinstance(v, bool) for v in values) or len(values) < 2:
        return None
    first, second = sorted(values, reverse=up)[:2]
    if first > 0 and second > 0 and first % min(first, second) == second % min(first, second) == 0:
        further = first * first // second if first * first % second == 0 else 0
    else:
        further = 2 * first - second
    return further if further > 0 and further not in values else None


def _next_name(sweep: RecordedSweep) -> str:
    """Return a name that no sweep beside this one has."""
    stem, _, end = sweep.name.rpartition("-")
    base, number = (
        (stem, int(end)) if stem and end.isdecimal() and len(end) < 6 else (sweep.name, 1)
    )
    while (sweep.folder.path.parent / f"{base}-{number + 1}").exists():
        number += 1
    return f"{base}-{number + 1}"


def _results(sweep: RecordedSweep) -> str:
    return str(sweep.config.get("results", "results"))


def _words(sweep: RecordedSweep, without: Sequence[str], more: Sequence[str]) -> list[str]:
    """Return the overrides of another sweep like this one."""
    kept = [word for word in sweep.overrides if key_of(word) not in (*_OWN, *without)]
    study = [word for word in sweep.overrides if key_of(word) == "study"]
    return [*kept, *study, *more, f"name={_next_name(sweep)}"]


def _another_space(sweep: RecordedSweep, space: Mapping[str, tuple[str, str]]) -> Finding:
    changes = [f"{key}={value}" for key, (value, _) in space.items()]
    line = command(
        "sweep",
        results=_results(sweep),
        words=_words(sweep, list(space), [*changes, f"from_sweep={sweep.name}"]),
    )
    reasons = ", ".join(why for _, why in space.values())
    text = (
        f"another sweep, which learns from this one, with {reasons}: that is where the good ones "
        "lie"
    )
    return _advice("next-space", text, line, key=next(iter(space)) if len(space) == 1 else "")


def _seeds(sweep: RecordedSweep) -> Finding:
    words = _words(sweep, [SEED], [f"{SEED}=1,2,3"])
    line = command("sweep", results=_results(sweep), words=words)
    text = "the same with three seeds: a single comparison of each change is no evidence"
    return _advice("next-seeds", text, line)


def _repeats(sweep: RecordedSweep, ranked: Sequence[Ranked]) -> Finding:
    top = min(3, len(ranked))
    line = command(
        "extend",
        sweep=sweep.name,
        results=_results(sweep),
        words=[f"repeats.top={top}", "repeats.seeds=3"],
    )
    text = (
        f"run the best {top} again with three fresh seeds each: nothing tells yet how much of "
        "their lead is luck"
    )
    return _advice("next-repeats", text, line, [one.trial.id for one in ranked[:top]])


def _rising(sweep: RecordedSweep, ranked: Sequence[Ranked]) -> list[Ranked]:
    """Return those of the best that were best at their very end, if most are."""
    if "epochs" in sweep.dimensions:
        return []
    whole = [
        one
        for one in ranked
        if one.trial.state is State.COMPLETE
        and not one.trial.reason
        and one.trial.last_epoch >= full_length(sweep, one.trial) > 1
    ][:_BEST]
    late = [one for one in whole if one.epoch > _LATE * one.trial.last_epoch]
    return late if len(late) > len(whole) / 2 else []


def _longer(sweep: RecordedSweep, rising: Sequence[Ranked]) -> Finding:
    epochs = rising[0].trial.last_epoch
    line = command("extend", sweep=sweep.name, results=_results(sweep), words=[f"epochs=+{epochs}"])
    who = "1 of the best was" if len(rising) == 1 else f"{len(rising)} of the best were"
    text = f"train the complete trials longer: {who} still rising after {epochs} epochs"
    return _advice("next-epochs", text, line, [one.trial.id for one in rising])


def _came_late(ranked: Sequence[Ranked]) -> bool:
    last = max(one.trial.number for one in ranked)
    return len(ranked) >= _BEST and ranked[0].trial.number >= _LAST_PART * last


def _more_trials(sweep: RecordedSweep, ranked: Sequence[Ranked]) -> Finding:
    line = command("extend", sweep=sweep.name, results=_results(sweep), words=["budget.trials=+20"])
    last = max(one.trial.number for one in ranked)
    text = (
        f"twenty more trials: the best was number {ranked[0].trial.number + 1} of {last + 1}, so "
        "the search was still improving"
    )
    return _advice("next-trials", one_line(text), line, [ranked[0].trial.id])
