"""Histograms of two trials are counted again on one axis, so that they can be compared."""

from __future__ import annotations

import math
import re
import shutil
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sweeps.page.reviewed import Reviewed
from sweeps.page.sections.histograms import BARS, histograms, rebinned
from sweeps.results_folder import Folder
from trainers.files.histograms import Histogram, save

ZERO = Histogram(0.0, 0.0, (5,))
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)


@given(NUMBERS, NUMBERS, st.lists(st.integers(0, 10**6), min_size=1), st.floats(1e-6, 1e6))
def test_nothing_is_lost(a: float, b: float, counts: list[int], reach: float) -> None:
    bars = rebinned(Histogram(min(a, b), max(a, b), tuple(counts)), reach)
    assert len(bars) == BARS
    assert min(bars) >= -1e-6 * sum(counts)
    assert math.isclose(sum(bars), sum(counts), rel_tol=1e-9, abs_tol=1e-6)


def test_counts_land_where_they_were() -> None:
    bars = rebinned(Histogram(-1.0, 1.0, (0, 8, 0, 0)), 2.0)
    quarter = BARS // 4
    assert sum(bars[quarter : 2 * quarter]) == 8
    assert bars[quarter] == 0
    beyond = rebinned(Histogram(5.0, 9.0, (3, 4)), 1.0)
    assert beyond[-1] == 7


def test_the_best_and_the_baseline_are_seen_at_first(reviewed: Reviewed) -> None:
    made = histograms(reviewed)
    seen = re.findall(r'data-h="(\d+)" data-first', made)
    assert seen[0] == reviewed.sweep.ranked[0].trial.id
    assert "0000" in made
    assert made.count("data-h=") - made.count("data-first") == made.count(" hidden>")
    assert "weights/a.weight" in made


def test_matrices_of_two_models_stand_beside_each_other(reviewed: Reviewed, tmp_path: Path) -> None:
    shutil.copytree(reviewed.sweep.folder.path, tmp_path / "a")
    folder = Folder(tmp_path / "a")
    other = {"weights/b.weight": Histogram(0.0, 1.0, (1,)), "gradients/b.weight": ZERO}
    save(folder.trials / "0000", 2, other)
    made = histograms(replace(reviewed, sweep=replace(reviewed.sweep, folder=folder)))
    trials = made.split("data-h=")[1:]
    assert {one.count("<figure>") for one in trials} == {3}
    (baseline,) = [one for one in trials if one.startswith('"0000"')]
    assert baseline.count("not in this model") == 2  # the label, and the text
    assert baseline.index("weights/b.weight") < baseline.index("gradients/b.weight")


def test_a_sweep_without_any_has_no_such_section(reviewed: Reviewed) -> None:
    none = replace(reviewed.sweep, trials=reviewed.sweep.trials[3:5])
    folder = replace(none.folder, path=none.folder.path / "gone")
    assert histograms(replace(reviewed, sweep=replace(none, folder=folder))) == ""
