"""The surface is best where the trials are; stopped trials count; points lie on top."""

from __future__ import annotations

import random
import re

import pytest

from sweeps.figures.contours import contours
from sweeps.figures.drawing.marks import marks_of
from sweeps.figures.figure import Figure
from sweeps.findings.finding import Findings, Importance
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.space.dimensions import Choice, Interval
from sweeps.trials import State
from tests.sweeps.figures.recorded import NASTY, of_trial, root, sweep_of, ticks_at, trial

SPACE = {"x": Interval(0, 1), "y": Interval(0, 1)}


def drawn(sweep: RecordedSweep, *first: str) -> list[Figure]:
    importances = tuple(Importance(key, {"fanova": 1.0}) for key in first)
    return contours(sweep, Findings((), importances=importances), marks_of(sweep))


def hill(count: int = 150, maximize: bool = True) -> RecordedSweep:
    """The best is at x 0.8, y 0.2; all but the first were stopped."""
    r = random.Random(0)
    trials = []
    for number in range(count):
        x, y = r.random(), r.random()
        value = -((x - 0.8) ** 2) - (y - 0.2) ** 2
        state = State.STOPPED if number else State.COMPLETE
        signed = value if maximize else -value
        trials.append(trial(number, [signed], params={"x": x, "y": y}, state=state))
    return sweep_of(trials, SPACE, maximize=maximize)


def cells(figure: Figure, tenth: int) -> list[tuple[float, float, float, float]]:
    """Left, top, width, height of the cells of a tenth."""
    found = re.search(rf'class="cell v{tenth}" d="([^"]*)"', figure.svg)
    boxes = re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)", found[1] if found else "")
    return [tuple(map(float, box)) for box in boxes]  # type: ignore[misc]


@pytest.mark.parametrize("maximize", [True, False])
def test_the_best_cells_are_at_the_top_of_the_hill(maximize: bool) -> None:
    (figure,) = drawn(hill(maximize=maximize))
    image = root(figure)
    across, up = ticks_at(image), ticks_at(image, across=False)
    top = max(tenth for tenth in range(10) if cells(figure, tenth))
    assert top >= 8
    best = cells(figure, top)
    area = sum(width * height for _, _, width, height in best)
    x = sum((left + width / 2) * width * height for left, _, width, height in best) / area
    y = sum((upper + height / 2) * width * height for _, upper, width, height in best) / area
    assert x == pytest.approx(across[0.8], abs=60)
    assert y == pytest.approx(up[0.2], abs=60)
    assert "stopped ones included" in figure.sentence


def test_trials_lie_on_top_of_the_cells() -> None:
    (figure,) = drawn(hill())
    image = root(figure)
    assert len([e for e in image.iter() if e.get("data-t")]) == 150
    classes = [e.get("class", "") for e in image.iter()]
    first_dot = next(n for n, name in enumerate(classes) if name.startswith("t "))
    assert all(n < first_dot for n, name in enumerate(classes) if name.startswith("cell"))


def test_nothing_is_filled_in_far_from_all_trials() -> None:
    trials = [trial(n, [n], params={"x": n / 100, "y": n % 4 / 100}) for n in range(9)]
    trials.append(trial(9, [9], params={"x": 1.0, "y": 1.0}))
    (figure,) = drawn(sweep_of(trials, SPACE))
    area = sum(w * h for tenth in range(10) for *_, w, h in cells(figure, tenth))
    assert 0 < area < 0.7 * (708 - 84) * (350 - 40)


def test_the_pairs_that_matter_are_drawn() -> None:
    space = {key: Interval(0, 1) for key in "abcde"}
    trials = [trial(n, [n], params=dict.fromkeys(space, n * 7 % 13 / 13)) for n in range(20)]
    found = drawn(sweep_of(trials, space), "d", "b", "e")
    assert [figure.title for figure in found] == ["d and b", "d and e", "b and e"]


def test_a_choice_of_many_values_makes_no_surface() -> None:
    many = Choice(tuple(range(50)))
    trials = [trial(n, [n], params={"m": n % 50, "x": n / 90, "y": n / 90}) for n in range(90)]
    assert [f.title for f in drawn(sweep_of(trials, {"m": many, **SPACE}), "m")] == ["x and y"]


def test_lanes_of_choices_do_not_mix() -> None:
    space = {"norm": Choice(("a", "b")), "act": Choice(("x", "y"))}
    trials = [
        trial(n, [10 * (n % 2) + n], params={"norm": "ab"[n % 2], "act": "xy"[n // 2 % 2]})
        for n in range(20)
    ]
    (figure,) = drawn(sweep_of(trials, space))
    assert all(left >= (84 + 708) / 2 - 1 for left, *_ in cells(figure, 7))
    dots = [of_trial(root(figure), one.id)[0] for one in trials]
    corner = {(round(float(d.attrib["cx"])), round(float(d.attrib["cy"]))) for d in dots}
    assert len(corner) == 20


def test_too_few_or_equal_trials_make_no_surface() -> None:
    assert drawn(hill(5)) == []
    same = [trial(n, [n], params={"x": 0.5, "y": n / 9}) for n in range(9)]
    assert drawn(sweep_of(same, SPACE)) == []


def test_nasty_names_and_sizes() -> None:
    space = {NASTY[0]: Choice(NASTY), NASTY[4]: Interval(0, 1)}
    trials = [trial(n, [n], params={NASTY[0]: NASTY[n % 6], NASTY[4]: n / 20}) for n in range(20)]
    root(*drawn(sweep_of(trials, space)))
    (figure,) = drawn(hill(1000))
    assert len(figure.svg) < 200_000


def test_pairs_that_matter_together_are_drawn_alone() -> None:
    r = random.Random(0)
    space = {key: Interval(0, 1) for key in "wxyz"}
    trials = [trial(n, [r.random()], params={k: r.random() for k in space}) for n in range(30)]
    sweep = sweep_of(trials, space)
    importances = tuple(Importance(key, {"fanova": 0.25}) for key in space)
    for together, ids in (
        ((("y", "z"),), ["contour-y-z"]),
        ((("y", "z"), ("gone", "x")), ["contour-y-z"]),
        ((), ["contour-w-x", "contour-w-y", "contour-x-y"]),
    ):
        found = Findings((), importances=importances, together=together)
        assert [one.id for one in contours(sweep, found, marks_of(sweep))] == ids
