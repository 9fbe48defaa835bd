"""Repeats: the mean and its interval where they belong, each seed, the score in the search."""

from __future__ import annotations

import statistics
from dataclasses import replace

import pytest

from sweeps.figures.drawing.marks import marks_of
from sweeps.figures.repeats import repeats
from sweeps.findings.finding import Findings
from sweeps.repeats.intervals import mean
from sweeps.repeats.plan import fresh_seeds
from sweeps.repeats.settings import Repeats
from sweeps.space.dimensions import Choice
from sweeps.trials import Source
from tests.sweeps.figures.recorded import SVG, points_of, root, sweep_of, ticks_at, trial

SETTINGS = {"runs": 1, "top": 2, "seeds": 3, "race": False}
SCORES = {"0001": (0.7, 0.72, 0.71), "0000": (0.75, 0.76, 0.74)}


def test_the_best_run_again() -> None:
    trials = [trial(0, [0.8]), trial(1, [0.9])]
    for turn, seed in enumerate(fresh_seeds(Repeats(top=2, seeds=3, race=False), 0)):
        for name, values in SCORES.items():
            trials.append(trial(len(trials), [values[turn]], source=Source(name, 0, seed)))
    sweep = sweep_of(trials, repeats=SETTINGS)
    figure = repeats(sweep, Findings((), noise=0.01), marks_of(sweep))
    assert figure is not None
    image = root(figure)
    across = ticks_at(image)
    group = next(e for e in image.iter() if e.get("data-t") == "0000")
    assert group.get("class") == "t best", "it won, though another was first in the search"
    dot, line = group.find(f"{SVG}circle"), group.find(f"{SVG}path")
    assert dot is not None
    assert line is not None
    unit = (across[0.9] - across[0.7]) / 0.2
    average = mean(SCORES["0000"])
    assert float(dot.attrib["cx"]) == pytest.approx(across[0.7] + 0.05 * unit, abs=0.5)
    low, high = (x for x, _ in points_of(line))
    assert high - low == pytest.approx(2 * average.margin * unit, abs=1)
    assert len([e for e in image.iter() if e.get("class") == "seed"]) == 6 + 1
    assert figure.rows[0][:3] == ("0000", "0.8000", "0.7500")
    assert "above the mean of other seeds in 2 of 2" in figure.sentence
    assert "standard deviation is 0.0100" in figure.sentence


def test_a_swept_seed_is_grouped_by_the_rest() -> None:
    trials = [
        trial(n, [0.1 * (n // 3) + 0.01 * n], params={"act": "ab"[n // 3], "seed": n % 3})
        for n in range(6)
    ]
    sweep = sweep_of(trials, {"act": Choice(("a", "b")), "seed": Choice((0, 1, 2))})
    figure = repeats(sweep, Findings(()), marks_of(sweep))
    assert figure is not None
    average = statistics.fmean([0.13, 0.14, 0.15])
    assert figure.rows[0][0] == "0003"
    assert figure.rows[0][2] == f"{average:.4f}"
    assert [row[-1] for row in figure.rows] == ["act b", "as it is"]
    root(figure)


def test_the_best_run_is_told_where_it_is_of_no_best_mean() -> None:
    values = (0.5, 0.6, 0.1, 0.9)
    trials = [
        trial(n, [value], params={"act": "ab"[n // 2], "seed": n % 2})
        for n, value in enumerate(values)
    ]
    sweep = sweep_of(trials, {"act": Choice(("a", "b")), "seed": Choice((0, 1))})
    figure = repeats(sweep, Findings(()), marks_of(sweep))
    assert figure is not None
    assert "the best mean, 0.5500 ± 0.6353, is that of 0000 over 2 seeds" in figure.sentence
    assert "The best run, 0003, is of another configuration" in figure.sentence
    best = [e.get("data-t") for e in root(figure).iter() if e.get("class") == "t best"]
    assert best == ["0002"], "the lane that it is in"
    assert [row[-1] for row in figure.rows] == ["as it is", "act b"], "what it changes fits"
    without = replace(sweep, config={**sweep.config, "baseline": False})
    figure = repeats(without, Findings(()), marks_of(without))
    assert figure is not None
    assert [row[-1] for row in figure.rows] == ["act a", "act b"]


def test_equal_scores_and_none() -> None:
    trials = [trial(n, [0.5], params={"seed": n}) for n in range(3)]
    sweep = sweep_of(trials, {"seed": Choice((0, 1, 2))})
    figure = repeats(sweep, Findings(()), marks_of(sweep))
    assert figure is not None
    root(figure)
    plain = sweep_of([trial(0, [0.5]), trial(1, [0.6])])
    assert repeats(plain, Findings(()), marks_of(plain)) is None
