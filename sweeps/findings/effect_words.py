"""Write effects as statements that claim no more than their intervals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from sweeps.findings.effects import Pair
from sweeps.findings.finding import Certainty, Effect, Finding, Importance, Topic, slug
from sweeps.findings.importance import Importances
from sweeps.findings.observations import Observations
from sweeps.findings.regression import enough_trials
from sweeps.formatting import Unit, clip, counted, number, short_names
from sweeps.space.dimensions import Interval
from sweeps.trials import State

#: Cells of a value in a sentence.
_VALUE = 40
#: Parameters that a statement on importance names.
_NAMED = 3


def effect_findings(
    unit: Unit, observed: Observations, effects: Sequence[Effect]
) -> Iterator[Finding]:
    """Yield a statement for each clear effect, and one for what cannot be told of each key."""
    names = short_names(observed.dimensions)
    keys = list(dict.fromkeys(effect.key for effect in effects))
    at = observed.at_epoch
    for key in keys:
        own = [effect for effect in effects if effect.key == key]
        clear = [effect for effect in own if effect.clear]
        for effect in clear:
            yield _clear(effect, names, unit, at)
        if rest := [effect for effect in own if not effect.clear]:
            yield _open(rest, clear, names[key], unit, observed)


def cannot_be_told(observed: Observations, count: int = 0) -> str:
    """Say that these trials do not tell, and how many would, where they are too few.

    Args:
        count: of the trials that were looked at; 0: all that are observed.
    """
    trials, enough = count or len(observed.trials), enough_trials(observed)
    text = f"cannot be told from {trials} trials"
    return text if trials >= enough else f"{text}; from about {enough} on"


def _clear(effect: Effect, names: Mapping[str, str], unit: Unit, at: str) -> Finding:
    margin = (effect.high - effect.low) / 2
    text = f"{_compared(effect, names[effect.key])}: {unit.change(effect.estimate, margin)}"
    return _finding(effect, f"{text} {_over(effect)}{at}", Certainty.CLEAR, unit)


def _open(
    rest: Sequence[Effect], clear: Sequence[Effect], name: str, unit: Unit, observed: Observations
) -> Finding:
    """Say what cannot be told of a key: by the effect that is known best."""
    trials = len(observed.trials)
    known = [effect for effect in rest if effect.known]
    if not known:
        single = [effect for effect in rest if effect.pairs]
        if single:
            effect = max(single, key=lambda one: abs(one.estimate))
            times = "a single comparison" if effect.pairs == 1 else f"{effect.pairs} comparisons"
            text = (
                f"{_compared(effect, name)}: {unit.change(effect.estimate)} in {times}, which is "
                "no evidence"
            )
            return _finding(effect, text, Certainty.OPEN, unit)
        text = f"{name}: {cannot_be_told(observed)}"
        return _finding(rest[0], text, Certainty.OPEN, unit)
    if len(known) == 1:
        effect = known[0]
        margin = (effect.high - effect.low) / 2
        estimate = unit.change(effect.estimate, margin)
        gained = any(one.place < effect.place and one.estimate > 0 for one in clear)
        if effect.reference_span is not None and gained and effect.low <= 0 <= effect.high:
            text = (
                f"{name} beyond {number(effect.reference_span[1])}: no measurable gain ({estimate})"
            )
        else:
            alone = ", one of several looks" if effect.low > 0 or effect.high < 0 else ""
            text = (
                f"{_compared(effect, name)}: cannot be told from these {trials} trials "
                f"({estimate}{alone})"
            )
        return _finding(effect, text, Certainty.OPEN, unit)
    widest = max(max(abs(effect.low), abs(effect.high)) for effect in known)
    what = f"the other {len(rest)} comparisons" if clear else f"{len(rest)} comparisons"
    text = f"{name}: {what} cannot be told from these {trials} trials"
    if widest < float(np.ptp(observed.scores)):
        text += f"; no difference above {unit.size(widest)} {unit.noun} is likely"
    return _finding(known[0], text, Certainty.OPEN, unit, single=False)


def _compared(effect: Effect, name: str) -> str:
    if effect.span is not None and effect.reference_span is not None:
        return (
            f"{name} from {number(effect.span[0])} to {number(effect.span[1])} instead of "
            f"{number(effect.reference_span[0])} to {number(effect.reference_span[1])}"
        )
    return f"{name}: {_value(effect.level)} instead of {_value(effect.reference)}"


def _value(value: object) -> str:
    return clip(number(value), _VALUE)


def _over(effect: Effect) -> str:
    if effect.pairs:
        return f"over {counted(effect.pairs, 'pair')}"
    return f"by a model of {len(effect.trials)} trials"


def _finding(
    effect: Effect, text: str, certainty: Certainty, unit: Unit, single: bool = True
) -> Finding:
    part = "" if effect.span is None else f"part-{effect.place}"
    end = (part or slug(effect.level)) if single else "others"
    known = single and effect.known
    return Finding(
        id=f"effect-{slug(effect.key)}-{end}",
        topic=Topic.EFFECT,
        certainty=certainty,
        sentence=text,
        value=effect.estimate if known else None,
        low=effect.low if known else None,
        high=effect.high if known else None,
        unit=unit.metric,
        trials=effect.trials,
        key=effect.key,
    )


def importance_findings(
    mattered: Importances,
    dimensions: Iterable[str],
    effects: Sequence[Effect],
    observed: Observations,
) -> Iterator[Finding]:
    """Yield what mattered, as far as effects bear it out; shares alone are no evidence."""
    names = short_names(dimensions)
    if not mattered.shares:
        if mattered.note:
            yield Finding("importance", Topic.IMPORTANCE, Certainty.OPEN, mattered.note)
        return
    sure = {effect.key for effect in effects if effect.clear}
    borne_out = [one for one in mattered.shares if one.parameter in sure]
    parts = [_share(one, names) for one in (borne_out or mattered.shares)[:_NAMED]]
    if borne_out:
        text, certainty = f"what mattered: {', then '.join(parts)}", Certainty.CLEAR
    else:
        text, certainty = (
            f"what mattered {cannot_be_told(observed, mattered.count)}",
            Certainty.OPEN,
        )
        if (mattered.count or len(observed.trials)) >= enough_trials(observed):
            text += f"; by their shares {parts[0]} leads"
    if mattered.trust is not None:
        text += f"; a random forest predicts left-out trials with R2 {mattered.trust:.2f}"
    if mattered.note and not mattered.note.startswith("a random forest"):
        text += f" ({mattered.note})"
    if differs := _why_optuna_differs(mattered, observed):
        text += f"; Optuna's own plot may differ: {' and '.join(differs)}"
    first = (borne_out or mattered.shares)[0]
    yield Finding("importance", Topic.IMPORTANCE, certainty, text, key=first.parameter)


def _why_optuna_differs(mattered: Importances, observed: Observations) -> list[str]:
    reasons = []
    if any(trial.state is not State.COMPLETE for trial in observed.trials):
        reasons.append("it counts finished trials only")
    looked_at = (observed.dimensions.get(one.parameter) for one in mattered.shares)
    if any(isinstance(one, Interval) and (one.log or one.log1m) for one in looked_at):
        reasons.append("its fANOVA knows no log scale")
    return reasons


def _share(one: Importance, names: Mapping[str, str]) -> str:
    shares = sorted(one.values.values())
    low, high = f"{100 * shares[0]:.0f}", f"{100 * shares[-1]:.0f}"
    span = low if low == high else f"{low} to {high}"
    text = f"{names.get(one.parameter, one.parameter)} ({span} %"
    if one.correlation is not None:
        text += f", correlation {one.correlation:+.2f}"
    return f"{text})"


def pair_findings(
    found: Sequence[Pair], dimensions: Iterable[str], observed: Observations
) -> Iterator[Finding]:
    """Yield a statement for each two keys that matter together."""
    names = short_names(dimensions)
    for pair in found:
        one, two = (names[key] for key in pair.keys)
        text = (
            f"{one} and {two} matter together: what one does depends on the other "
            f"({100 * pair.share:.1f} % of the variation{observed.at_epoch}, beyond what each "
            "does alone)"
        )
        yield Finding(
            id=f"pair-{slug(pair.keys[0])}-{slug(pair.keys[1])}",
            topic=Topic.IMPORTANCE,
            certainty=Certainty.CLEAR,
            sentence=text,
            value=pair.share,
            unit="share of the variation",
            key=pair.keys[0],
        )
