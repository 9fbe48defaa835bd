"""Draw the trade-off between two objectives."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sweeps.trials import Objective, Ranked, TrialRecord, ranking, scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from trainers.pictures import Floats


def draw(
    trials: list[TrialRecord], front: Sequence[Ranked], objectives: Sequence[Objective], where: Path
) -> str:
    """Draw the trade-off into pareto.png, and return the path."""
    from trainers.pictures import save

    return str(save(picture(trials, front, objectives), where / "pareto.png"))


def picture(
    trials: list[TrialRecord], front: Sequence[Ranked], objectives: Sequence[Objective]
) -> Figure:
    """Draw all scored trials by the first two objectives, those of the front named and joined.

    The scale across is logarithmic if its values differ more than tenfold. The front of three
    objectives or more is not joined: by the first two alone, its trials may beat each other.
    """
    import numpy as np

    from trainers.pictures import BLUE, GREY, canvas, tidy, write_labels

    both = objectives[:2]

    def at(ranked: Ranked) -> tuple[float, float]:
        up, across = scores(ranked.trial, both) or (ranked.value, 0.0)
        return across, up

    every = np.array([at(ranked) for ranked in ranking(trials, both[0])])
    best = sorted((*at(ranked), ranked.trial.id) for ranked in front)
    points = np.array([(x, y) for x, y, _ in best])
    line = _steps(best, both[1].maximize) if len(objectives) == 2 else points[:0]
    figure = canvas(7, 4.5)
    axes = figure.add_subplot()
    axes.plot(*every.T, "o", color="0.75", markersize=4, label="other trials")
    axes.plot(*line.T, "-", color=BLUE, linewidth=1.2)
    which = "both" if len(objectives) == 2 else f"all {len(objectives)} objectives"
    axes.plot(*points.T, "o", color=BLUE, markersize=5, label=f"no trial beats it in {which}")
    low, high = every[:, 0].min(), every[:, 0].max()
    if low > 0 and high > 10 * low:
        axes.set_xscale("log")
    axes.margins(0.08)
    ends = ["highest is best" if one.maximize else "lowest is best" for one in both]
    tidy(
        axes, "Trade-off, a point a trial", f"{both[1].metric} ({ends[1]})",
        f"{both[0].metric} ({ends[0]})",
    )  # fmt: skip
    figure.legend(loc="outside upper right", fontsize=8, frameon=False, ncols=2)
    figure.draw_without_rendering()  # so that there is no more to arrange
    figure.set_layout_engine("none")
    named = write_labels(axes, points, [trial for _, _, trial in best], every, line)
    if named < len(best):
        more = f"{named} of these {len(best)} are named: for the rest there is no room"
        axes.set_title(more, loc="right", y=1.0, fontsize=8, color=GREY)
    return figure


def _steps(best: Sequence[tuple[float, float, str]], across_maximized: bool) -> Floats:
    """Join the front, (K, 2): the most of the one that is to be had with this much of the other.

    Between two trials that is what the one offers that has at most (or, if more is better, at
    least) so much of what lies across.
    """
    import numpy as np

    corners = []
    for (x, y, _), (next_x, next_y, _) in itertools.pairwise(best):
        corners += [(x, y), (x, next_y) if across_maximized else (next_x, y)]
    corners += [(x, y) for x, y, _ in best[-1:]]
    return np.array(corners)
