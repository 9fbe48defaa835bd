"""Draw how weights and gradients are distributed, for two trials side by side.

Every trial's drawings are on the page; the script shows those of the two that are chosen, and
without it those of the best and of the baseline are seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np
from markupsafe import Markup

from sweeps.formatting import score
from sweeps.page.elements import joined, paragraph, trial_link
from sweeps.page.reviewed import Reviewed
from sweeps.trials import TrialRecord
from trainers.files.histograms import Histogram, load

#: Trials that are drawn, the best first, and matrices of each: what a page can hold.
MOST_TRIALS, MOST_MATRICES = 40, 12
#: Bars of a drawing.
BARS = 40
_WIDTH, _HEIGHT = 240, 60

#: In the place of a drawing, so that those of two trials stand beside each other.
_NOTHING = Markup(
    '<svg viewBox="0 -2 {} {}" role="img" aria-label="not in this model">'
    '<text class="tick" x="0" y="40">not in this model</text></svg>'
).format(_WIDTH, _HEIGHT + 18)


def histograms(reviewed: Reviewed) -> Markup:
    """Draw the trials of a sweep that were trained with `histograms=true`; empty if none was."""
    counted = _counted(reviewed)
    shown = _matrices(counted)
    if not shown:
        return Markup("")
    reach = {
        name: _reach([found[name] for found in counted.values() if name in found]) for name in shown
    }
    visible = list(counted)[:2]
    return joined(
        [
            paragraph(
                f"Of {len(counted)} trials, each at its best epoch; of one matrix the two have the "
                "same horizontal axis, and what lies beyond it is in the outermost bars. "
                "Choose two trials to compare others.",
                kind="aside",
            ),
            Markup('<div class="pair">\n{}</div>\n').format(
                joined(
                    _of_trial(reviewed.key(trial), found, reach, trial in visible)
                    for trial, found in counted.items()
                )
            ),
        ]
    )


def _counted(reviewed: Reviewed) -> dict[str, Mapping[str, Histogram]]:
    """Return trial -> its histograms at its best epoch: the best, the baseline, then by rank."""
    sweep = reviewed.sweep
    order: dict[str, TrialRecord] = {}
    ranked = [one.trial for one in sweep.ranked]
    first = [] if sweep.baseline is None else [sweep.baseline]
    for trial in (*ranked[:1], *first, *ranked[1:]):
        order.setdefault(trial.id, trial)
    found: dict[str, Mapping[str, Histogram]] = {}
    for trial in order.values():
        if len(found) == MOST_TRIALS:
            break
        best = sweep.best_epochs[trial.id]
        try:
            counted = load(sweep.folder.trials / trial.id, best[0]) if best else {}
        except (OSError, ValueError, KeyError, TypeError):  # damaged: as if there were none
            continue
        if counted:
            found[trial.id] = counted
    return found


def _matrices(counted: Mapping[str, Mapping[str, Histogram]]) -> list[str]:
    """List what is drawn of each matrix: weights, then gradients; the best trial's first."""
    names = dict.fromkeys(name for found in counted.values() for name in found)
    matrices = dict.fromkeys(
        name.partition("/")[2] for name in names if name.startswith("weights/") and "weight" in name
    )
    both = (f"{kind}/{matrix}" for matrix in matrices for kind in ("weights", "gradients"))
    return [name for name in both if name in names][:MOST_MATRICES]


def _reach(of_trials: Sequence[Histogram]) -> float:
    """Return how far from 0 the axis of a matrix reaches: twice what is usual, at most."""
    reaches = [max(abs(one.low), abs(one.high)) for one in of_trials]
    return min(max(reaches), 2 * median(reaches)) or 1.0


def _of_trial(
    trial: str, found: Mapping[str, Histogram], reach: Mapping[str, float], visible: bool
) -> Markup:
    drawn = joined(
        Markup("<figure><figcaption>{}</figcaption>{}</figure>\n").format(
            name,
            _drawing(found[name], reach[name], f"{name} of trial {trial}")
            if name in found
            else _NOTHING,
        )
        for name in reach
    )
    return Markup('<div class="histograms" data-h="{}"{}><h3>{}</h3>\n{}</div>\n').format(
        trial, Markup(" data-first" if visible else " hidden"), trial_link(trial), drawn
    )


def _drawing(histogram: Histogram, reach: float, what: str) -> Markup:
    heights = rebinned(histogram, reach)
    highest = max(heights) or 1.0
    step = _WIDTH / BARS
    tops = [round(_HEIGHT - _HEIGHT * height / highest, 1) for height in heights]
    path = "".join(f"V{top:g}h{step:g}" for top in tops)
    label = f"{what}: from {score(histogram.low)} to {score(histogram.high)}"
    return Markup(
        '<svg viewBox="0 -2 {w} {h}" role="img" aria-label="{label}">'
        '<path class="histogram" d="M0 {base}{path}V{base}z"/>'
        '<path class="axis" d="M0 {base}h{w}"/>'
        '<text class="tick" x="0" y="{y}">{low}</text>'
        '<text class="tick" x="{w}" y="{y}" text-anchor="end">{high}</text></svg>'
    ).format(
        w=_WIDTH,
        h=_HEIGHT + 18,
        base=_HEIGHT,
        y=_HEIGHT + 13,
        label=label,
        path=path,
        low=score(-reach),
        high=score(reach),
    )


def rebinned(histogram: Histogram, reach: float) -> list[float]:
    """Count again, in equal steps from -reach to reach; what is beyond is in the outermost."""
    total = float(sum(histogram.counts))
    if histogram.high <= histogram.low:  # all are the same number
        bar = int((histogram.low + reach) / (2 * reach) * BARS)
        return [total if place == min(max(bar, 0), BARS - 1) else 0.0 for place in range(BARS)]
    known = np.linspace(histogram.low, histogram.high, len(histogram.counts) + 1)
    below = np.concatenate([[0.0], np.cumsum(histogram.counts)])
    at = np.interp(np.linspace(-reach, reach, BARS + 1), known, below)
    at[0], at[-1] = 0.0, total
    return [float(height) for height in np.diff(at)]
