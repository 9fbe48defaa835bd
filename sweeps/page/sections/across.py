"""Write how each of several sweeps went, and which has the best trial of all."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from sweeps.figures.curves import curves_by_sweep
from sweeps.figures.drawing.marks import marks_of
from sweeps.formatting import counts, duration, score
from sweeps.page.elements import joined, paragraph, table, trial_link
from sweeps.page.reviewed import Reviewed
from sweeps.page.sections.figure import figure
from sweeps.trials import tally


def across(all_reviewed: Sequence[Reviewed]) -> Markup:
    """Compare sweeps, as far as they optimise the same."""
    drawn = curves_by_sweep([marks_of(one.sweep, one.prefix) for one in all_reviewed])
    return joined(
        [
            paragraph(*_best_of_all(all_reviewed)),
            _sweeps(all_reviewed),
            figure(drawn, "figure-across") if drawn else "",
        ]
    )


def _best_of_all(all_reviewed: Sequence[Reviewed]) -> list[object]:
    objectives = {one.sweep.objective for one in all_reviewed}
    if len(objectives) > 1:
        goals = "; ".join(f"{one.sweep.name}: {one.sweep.objective.goal}" for one in all_reviewed)
        return [f"The sweeps look for different things ({goals}), so no best of all is named."]
    (objective,) = objectives
    first = [(one, one.sweep.ranked[0]) for one in all_reviewed if one.sweep.ranked]
    if not first:
        return ["No trial of these sweeps has a score yet."]
    sign = -1 if objective.maximize else 1
    (where, best), *others = sorted(first, key=lambda pair: sign * pair[1].value)
    parts: list[object] = [
        f"The best of all is of {where.sweep.name}: ",
        trial_link(where.key(best.trial.id)),
        f", {objective.metric} {score(best.value)}",
    ]
    if others:
        second, behind = others[0][0].sweep.name, abs(best.value - others[0][1].value)
        ahead = f"ahead of the best of {second} by {score(behind)}"
        parts.append(f", {ahead if behind else f'which the best of {second} reaches too'}")
    fingerprints = {one.sweep.data for one in all_reviewed}
    parts.append(
        ". The sweeps used different data, so their scores are not comparable as they stand."
        if len(fingerprints) > 1
        else ". Each is the best of its own number of trials, and more trials find better ones "
        "by luck as well."
    )
    return parts


def _sweeps(all_reviewed: Sequence[Reviewed]) -> Markup:
    rows = []
    for one in all_reviewed:
        sweep = one.sweep
        count = tally(sweep.trials)
        best = sweep.ranked[:1]
        rows.append(
            (
                sweep.name,
                count.trials,
                counts(count.states, count.infeasible, count.replaced),
                duration(sweep.wall_s),
                sweep.objective.metric,
                score(best[0].value) if best else "-",
                trial_link(one.key(best[0].trial.id)) if best else "-",
                sum(trial.trained for trial in sweep.trials),
            )
        )
    columns = (
        "sweep",
        "trials",
        "how they ended",
        "wall time",
        "objective",
        "best",
        "by",
        "epochs",
    )
    return table(columns, rows)
