"""One plot a key: a known point, the ends of the space, the envelope, lanes of choices."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from sweeps.figures.drawing.marks import marks_of
from sweeps.figures.figure import Figure
from sweeps.figures.parameters import parameters
from sweeps.findings.finding import Findings, Importance
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.space.dimensions import Choice, Interval
from sweeps.trials import State
from tests.sweeps.figures.recorded import (
    NASTY,
    SVG,
    of_trial,
    points_of,
    root,
    sweep_of,
    texts,
    ticks_at,
    trial,
)

LR = {"optimizer.lr": Interval(1e-4, 1e-1, log=True)}


def drawn(sweep: RecordedSweep, findings: Findings | None = None) -> list[Figure]:
    return parameters(sweep, findings or Findings(()), marks_of(sweep))


def test_a_point_is_where_its_values_are() -> None:
    trials = [trial(n, [0.2 * n], params={"optimizer.lr": 10.0 ** (-4 + n)}) for n in range(4)]
    (figure,) = drawn(sweep_of(trials, LR))
    image = root(figure)
    across, up = ticks_at(image), ticks_at(image, across=False)
    (dot,) = of_trial(image, "0002")
    assert float(dot.attrib["cx"]) == pytest.approx(across[0.01], abs=0.2)
    assert float(dot.attrib["cy"]) == pytest.approx(up[0.4], abs=0.2)
    edges = [points_of(e)[0][0] for e in image.iter() if e.get("class") == "edge"]
    assert edges == pytest.approx([across[1e-4], across[0.1]], abs=0.2)
    (envelope,) = (e for e in image.iter() if e.get("class") == "envelope")
    assert points_of(envelope)[2] == pytest.approx((across[0.01], up[0.4]), abs=0.3)
    assert "the best, 0.6000, at optimizer.lr 0.1 (trial 0003)" in figure.sentence


def test_lanes_of_a_choice_show_their_best_and_median() -> None:
    norms = ("batch", "layer", "none")
    trials = [trial(n, [0.1 * n], params={"norm": norms[n % 3]}) for n in range(9)]
    (figure,) = drawn(sweep_of(trials, {"norm": Choice(norms)}))
    image = root(figure)
    up = ticks_at(image, across=False)
    bests = [points_of(e)[0][1] for e in image.iter() if e.get("class") == "envelope"]
    assert bests[2] == pytest.approx(up[0.8], abs=0.2)
    assert figure.rows[0] == ("none", "3", "0.8000", "0.5000", "0008")
    lanes = dict(zip(norms, sorted(centres(image)), strict=True))
    for one in trials:
        (dot,) = of_trial(image, one.id)
        assert abs(float(dot.attrib["cx"]) - lanes[str(one.params["norm"])]) < 110


def centres(image: object) -> list[float]:
    return [
        float(e.attrib["x"])
        for e in image.iter(f"{SVG}text")  # type: ignore[attr-defined]
        if e.get("class") == "tick" and e.get("text-anchor") == "middle"
    ]


def test_the_most_important_comes_first_and_ids_differ() -> None:
    space = {"a.b": Interval(0, 1), "a-b": Interval(0, 1), "A.B": Interval(0, 1)}
    trials = [trial(n, [n], params=dict.fromkeys(space, n / 9)) for n in range(9)]
    findings = Findings((), importances=(Importance("A.B", {"fanova": 1.0}),))
    found = drawn(sweep_of(trials, space), findings)
    assert [figure.title for figure in found] == ["A.B", "a.b", "a-b"]
    assert len({figure.id for figure in found}) == 3


def test_what_is_left_out_is_counted() -> None:
    trials = [
        trial(0, [0.5], params={"optimizer.lr": 0.01}),
        trial(1, [0.5], params={}),
        trial(2, [math.nan], params={"optimizer.lr": 0.01}),
        trial(3, [0.9], params={"optimizer.lr": 0.01}, state=State.FAILED),
    ]
    (figure,) = drawn(sweep_of(trials, LR))
    assert "Without this key: 1 trial." in figure.sentence
    assert "Left out, without a finite result: 2 trials." in figure.sentence
    assert of_trial(root(figure), "0003") == []
    assert drawn(sweep_of([trial(0)], LR)) == []


def test_one_trial_equal_values_fifty_choices_and_nasty_names() -> None:
    root(*drawn(sweep_of([trial(0, [0.5], params={"optimizer.lr": 0.01})], LR)))
    root(*drawn(sweep_of([trial(n, [1], params={"optimizer.lr": 0.01}) for n in range(3)], LR)))
    fifty = Choice(tuple(f"value {n}" for n in range(50)))
    trials = [trial(n, [n], params={"x": f"value {n % 50}"}) for n in range(100)]
    (figure,) = drawn(sweep_of(trials, {"x": fifty}))
    assert len(texts(root(figure))) < 30, "labels do not touch"
    assert len(figure.rows) == 12
    nasty = {name: Choice(NASTY) for name in NASTY}
    trials = [trial(n, [n], params=dict.fromkeys(NASTY, NASTY[n])) for n in range(6)]
    for figure in drawn(sweep_of(trials, nasty)):
        root(figure)


def test_a_choice_of_one_value_is_not_drawn() -> None:
    for values, count in ((("a",), 0), (("a", "b"), 1)):
        trials = [trial(n, [n / 10], params={"act": values[n % len(values)]}) for n in range(6)]
        sweep = sweep_of(trials, {"act": Choice(values)})
        assert len(parameters(sweep, Findings(()), marks_of(sweep))) == count


def test_stopped_trials_are_spoken_of_only_where_there_are_some() -> None:
    params = [{"optimizer.lr": 10.0 ** (-4 + n)} for n in range(3)]
    whole = [trial(n, [0.2 * n], params=params[n]) for n in range(3)]
    (figure,) = drawn(sweep_of(whole, LR))
    assert figure.sentence.startswith("3 trials: the best, 0.4000, at optimizer.lr 0.01 (trial ")
    (figure,) = drawn(sweep_of([*whole[:2], replace(whole[2], state=State.STOPPED)], LR))
    assert figure.sentence.startswith("3 trials, stopped ones by their best score: the best")


def test_the_seed_has_no_plot() -> None:
    trials = [trial(n, [0.2 * n], params={"seed": n}) for n in range(3)]
    assert drawn(sweep_of(trials, {"seed": Choice((0, 1, 2))})) == []
