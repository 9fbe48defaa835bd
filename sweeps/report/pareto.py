"""Draw the trade-off between two objectives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sweeps.trials import Objective, Ranked, TrialRecord, ranking, scores


def draw(
    trials: list[TrialRecord], front: Sequence[Ranked], objectives: Sequence[Objective], where: Path
) -> str:
    """Draw all scored trials by the first two objectives, those of the front joined: pareto.png.

    A scale whose values differ more than tenfold is logarithmic. Returns the path.
    """
    from trainers.pictures import canvas, save, tidy

    both = objectives[:2]

    def at(ranked: Ranked) -> tuple[float, float]:
        up, across = scores(ranked.trial, both) or (ranked.value, 0.0)
        return across, up

    every = [at(ranked) for ranked in ranking(trials, both[0])]
    best = sorted((*at(ranked), ranked.trial.id) for ranked in front)
    figure = canvas(7, 4.5)
    axes = figure.add_subplot()
    axes.plot(*zip(*every, strict=True), "o", color="0.75", markersize=4)
    axes.plot([x for x, _, _ in best], [y for _, y, _ in best], "o-", drawstyle="steps-post")
    for x, y, trial in best:
        axes.annotate(trial, (x, y), (3, -9), textcoords="offset points", fontsize=7)
    low, high = min(x for x, _ in every), max(x for x, _ in every)
    if low > 0 and high > 10 * low:
        axes.set_xscale("log")
    tidy(axes, "joined: what no other trial beats in both", both[1].metric, both[0].metric)
    return str(save(figure, where / "pareto.png"))
