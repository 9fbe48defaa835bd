"""Learning curves: known points lie where they belong, whatever the curves are like."""

from __future__ import annotations

import math
from typing import Any

import pytest

from sweeps.figures.curves import curves, curves_by_sweep, rungs_of
from sweeps.figures.drawing.marks import marks_of
from sweeps.figures.figure import Figure
from sweeps.findings.finding import Findings
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.trials import Source, State, TrialRecord
from tests.sweeps.figures.recorded import (
    NASTY,
    of_trial,
    points_of,
    root,
    sweep_of,
    texts,
    ticks_at,
    trial,
)

ASHA = {"_target_": "sweeps.stop.Asha", "grace": 1, "factor": 3, "brackets": 1}


def drawn(sweep: RecordedSweep, prefix: str = "") -> Figure:
    figure = curves(sweep, Findings(()), marks_of(sweep, prefix))
    assert figure is not None
    return figure


def test_a_curve_goes_through_its_values() -> None:
    figure = drawn(sweep_of([trial(0, [0.2, 0.6, 0.8]), trial(1, [0.2, 0.4, 0.2])]))
    image = root(figure)
    across, up = ticks_at(image), ticks_at(image, across=False)
    (path,) = of_trial(image, "0000")
    points = points_of(path)
    assert points[0] == pytest.approx((across[1], up[0.2]), abs=0.2)
    assert points[1] == pytest.approx((across[2], up[0.6]), abs=0.2)
    assert points[2] == pytest.approx((across[3], up[0.8]), abs=0.2)
    assert path.attrib["class"].split() == ["t", "complete", "v5", "best", "baseline"]
    assert "0.8000 at epoch 3" in "".join(path.itertext())
    assert "The best, 0000, reached score 0.8000 at epoch 3" in figure.sentence


def test_one_that_still_trains_is_no_best_yet() -> None:
    running = trial(1, [0.2, 0.9], state=State.RUNNING)
    figure = drawn(sweep_of([trial(0, [0.2, 0.6]), running]))
    assert "The best that has ended, 0000, reached score 0.6000 at epoch 2" in figure.sentence


def test_rungs_and_where_trials_were_stopped() -> None:
    stopped = [trial(n, [0.1 * n], state=State.STOPPED) for n in range(1, 6)]
    sweep = sweep_of([trial(0, [0.5 + n / 100 for n in range(30)]), *stopped], stop=ASHA)
    figure = drawn(sweep)
    image = root(figure)
    rungs = [e for e in image.iter() if e.get("class") == "rung"]
    assert len(rungs) == 4
    assert points_of(rungs[2])[0][0] == pytest.approx(
        56 + math.log(9 / 0.95) / math.log(30 / 0.95) * (668 - 56), abs=0.1
    )
    assert "(1, 3, 9, 27)" in figure.sentence
    assert figure.rows[0] == ("1", "6", "5", "0.5000", "0.3500")
    assert "epoch (log scale)" in texts(image), "most have ended early"


@pytest.mark.parametrize(
    ("stop", "rungs"),
    [
        (ASHA, [1, 3, 9, 27]),
        ({"rules": {"asha": ASHA, "patience": {"patience": 3}}}, [1, 3, 9, 27]),
        ({"interval": 10, "quantile": 0.25}, [10, 20, 30, 40]),
        ({"grace": "x", "factor": math.nan}, []),
        ({"grace": 1, "factor": 1.0}, []),
        ({"interval": -1}, []),
        ("none", []),
        (None, []),
    ],
)
def test_rungs_of_a_record(stop: Any, rungs: list[int]) -> None:
    assert rungs_of(stop, 40) == rungs


def test_what_is_not_finite_is_left_out_and_counted() -> None:
    figure = drawn(sweep_of([trial(0, [0.1, math.nan, 0.3, math.inf]), trial(1, [-math.inf])]))
    assert "Left out, as they are not finite: 3 values." in figure.sentence
    assert len(points_of(of_trial(root(figure), "0000")[0])) == 2
    assert of_trial(root(figure), "0001") == []


def test_bad_values_are_cut_at_the_edge() -> None:
    losses = [trial(n, [1e9 if n == 3 else 1.0, 0.9 - n / 100]) for n in range(9)]
    figure = drawn(sweep_of(losses, maximize=False))
    assert "Beyond the frame: 1 bad value." in figure.sentence
    (path,) = of_trial(root(figure), "0003")
    assert points_of(path)[0][1] == pytest.approx(44), "it comes in from above"


def test_a_trial_that_goes_on_with_another_begins_where_that_one_stood() -> None:
    child = trial(1, [0.1, 0.2, 0.9], source=Source("0000", 2))
    image = root(drawn(sweep_of([trial(0, [0.1, 0.2, 0.3]), child])))
    assert len(points_of(of_trial(image, "0001")[0])) == 2


def test_one_epoch_one_trial_equal_values_and_no_values() -> None:
    image = root(drawn(sweep_of([trial(0, [0.5])])))
    assert len(of_trial(image, "0000")) == 1
    root(drawn(sweep_of([trial(n, [0.5, 0.5]) for n in range(3)])))
    empty = sweep_of([trial(0, []), trial(1, [math.nan])])
    assert curves(empty, Findings(()), marks_of(empty)) is None


@pytest.mark.parametrize("name", NASTY)
def test_names_are_text(name: str) -> None:
    sweep = sweep_of([trial(0, [0.5, 0.6], reason=name)], name=name.replace("/", "") or "a")
    root(drawn(sweep, prefix=name))


def many(count: int, epochs: int) -> RecordedSweep:
    def one(number: int) -> TrialRecord:
        best = 0.9 - number % 97 / 200
        noise = [math.sin(number * 7.1 + e * e) / 40 for e in range(epochs)]
        return trial(number, [best * (1 - 0.8 / (e + 1.5)) + n for e, n in enumerate(noise)])

    return sweep_of(map(one, range(count)))


def test_large_sweeps_stay_small() -> None:
    figure = drawn(many(500, 50))
    assert len(figure.svg) < 600_000
    thinned = drawn(many(2500, 20))
    shown = [e for e in root(thinned).iter() if "t" in e.get("class", "").split()]
    assert len(shown) == 1000
    assert "Of 2,500 trials 1,000 are drawn" in thinned.sentence
    assert len(thinned.svg) < 600_000


def test_several_sweeps_have_a_colour_each() -> None:
    one = sweep_of([trial(n, [0.2, 0.4 + n / 100]) for n in range(9)], name="one")
    two = sweep_of([trial(0, [0.2, 0.6]), trial(1, [0.2, 0.8])], name="two")
    figure = curves_by_sweep([marks_of(one, "one/"), marks_of(two, "two/")])
    assert figure is not None
    image = root(figure)
    across, up = ticks_at(image), ticks_at(image, across=False)
    (path,) = of_trial(image, "two/0001")
    assert path.attrib["class"] == "t c2 strong"
    assert points_of(path)[1] == pytest.approx((across[2], up[0.8]), abs=0.2)
    assert len([e for e in image.iter() if (e.get("data-t") or "").startswith("one/")]) == 6
    assert {"one", "two"} <= set(texts(image))
    assert [row[:3] for row in figure.rows] == [
        ("two", "two/0001", "0.8000"),
        ("one", "one/0008", "0.4800"),
    ]
    other = sweep_of([trial(0, [0.2])], maximize=False, name="other")
    assert curves_by_sweep([marks_of(one), marks_of(other)]) is None
    assert curves_by_sweep([marks_of(one), marks_of(sweep_of([]))]) is None


@pytest.mark.parametrize("name", NASTY)
def test_names_of_several_sweeps_are_text(name: str) -> None:
    marks = [marks_of(sweep_of([trial(0, [0.5])], name=n or "a"), n) for n in (name[:90], "b")]
    figure = curves_by_sweep(marks)
    assert figure is not None
    root(figure)
