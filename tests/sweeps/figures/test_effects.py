"""Effects lie where their numbers are, and are coloured by what they claim."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from sweeps.figures.drawing.marks import marks_of
from sweeps.figures.effects import effects
from sweeps.findings.finding import Effect, Findings
from sweeps.trials import Objective
from tests.sweeps.figures.recorded import (
    NASTY,
    SVG,
    along,
    points_of,
    root,
    sweep_of,
    texts,
    ticks_at,
    trial,
)

SWEEP = sweep_of([])


def effect(estimate: float, margin: float, key: str = "act", level: object = "gelu") -> Effect:
    low, high = estimate - margin, estimate + margin
    return Effect(key, level, "relu", estimate, low, high, 5, 9, ("0001", "0002"))


def test_effects_lie_on_their_axis() -> None:
    found = (effect(0.04, 0.02), effect(-0.06, 0.02), effect(0.0, 0.01))
    figure = effects(SWEEP, Findings((), found), marks_of(SWEEP))
    assert figure is not None
    image = root(figure)
    across = ticks_at(image)
    groups = list(image.iter(f"{SVG}g"))
    assert [group.get("class") for group in groups] == ["effect good", "effect bad", "effect open"]
    dot = groups[0].find(f"{SVG}circle")
    line = groups[0].find(f"{SVG}path")
    assert dot is not None
    assert line is not None
    assert float(dot.attrib["cx"]) == pytest.approx(along(across, 0.04), abs=0.3)
    ends = [x for x, _ in points_of(line)]
    assert ends == pytest.approx([along(across, 0.02), along(across, 0.06)], abs=0.3)
    assert "1 clearly better, 1 clearly worse, 1 open" in figure.sentence
    assert "act: gelu for relu" in texts(image)
    assert figure.rows[0] == ("act: gelu for relu", "+0.04", "+0.02", "+0.06", "5", "9")


def test_what_cannot_be_told_is_counted_and_a_wide_one_does_not_squeeze_the_rest() -> None:
    nothing = effect(0.0, math.inf)
    found = (effect(0.04, 0.02), effect(0.03, 0.01), effect(0.02, 0.01), effect(0.0, 50.0), nothing)
    figure = effects(SWEEP, Findings((), found), marks_of(SWEEP))
    assert figure is not None
    assert "Of 1 more nothing can be told" in figure.sentence
    across = ticks_at(root(figure))
    assert max(across) < 1
    assert effects(SWEEP, Findings((), (nothing,)), marks_of(SWEEP)) is None


def test_amounts_are_written_as_findings_are_and_whole() -> None:
    trials = [trial(n, params={"act": "gelu"}) for n in range(3)]
    for metric, values, told, column in (
        ("val_accuracy", [0.5, 0.6], "+0.40 ± 0.30 points", "difference (val_accuracy in points)"),
        ("val_accuracy", [0.5, 1.6], "+0.004 ± 0.003", "difference (val_accuracy)"),
        ("loss", [0.5, 0.6], "+0.004 ± 0.003", "difference (loss)"),
    ):
        scored = [
            replace(one, epochs={1: {metric: value}})
            for one, value in zip(trials, values, strict=False)
        ]
        sweep = replace(sweep_of(scored), objectives=(Objective(metric, True),))
        figure = effects(sweep, Findings((), (effect(0.004, 0.003),)), marks_of(sweep))
        assert figure is not None
        assert told in texts(root(figure))
        assert figure.columns[1] == column
    tiny = (effect(-1.23e-6, 4.56e-7), effect(-0.0001234, 0.0000456), effect(-123456.7, 98765.4))
    for one in tiny:
        figure = effects(SWEEP, Findings((), (one,)), marks_of(SWEEP))
        assert figure is not None
        shown = [text for text in texts(root(figure)) if "±" in text or "better" in text]
        assert len(shown) == 2
        assert not any("…" in text for text in shown)


def test_what_is_one_of_many_is_open_as_its_finding_says() -> None:
    found = (replace(effect(0.04, 0.02), chance=0.2), effect(-0.04, 0.02))
    figure = effects(SWEEP, Findings((), found), marks_of(SWEEP))
    assert figure is not None
    kinds = [group.get("class") for group in root(figure).iter(f"{SVG}g")]
    assert kinds == ["effect open", "effect bad"]
    assert "0 clearly better, 1 clearly worse, 1 open" in figure.sentence


def test_one_exact_many_and_nasty() -> None:
    for found in (
        (effect(0.0, 0.0),),
        tuple(effect(0.1, 0.1, f"key {n}") for n in range(60)),
        tuple(effect(0.1, 0.2, name, name) for name in NASTY),
    ):
        figure = effects(SWEEP, Findings((), found), marks_of(SWEEP))
        assert figure is not None
        root(figure)
        assert len(figure.rows) <= 24


def test_epochs_are_spoken_of_only_where_trials_go_on_beyond_them() -> None:
    found = Findings((), (replace(effect(0.04, 0.02), epochs=2),))
    for epochs, spoken in ((2, False), (3, True)):
        sweep = sweep_of([trial(0, [0.5] * epochs), trial(1, [0.4] * 2)])
        figure = effects(sweep, found, marks_of(sweep))
        assert figure is not None
        assert ("at equal epochs" in figure.sentence) is spoken
