"""Any text makes well-formed XML; lines are cut at the frame; paths hold their points."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.figures.drawing.canvas import Canvas, Frame, polyline, text_width, title
from sweeps.figures.drawing.scales import Categories, Linear
from tests.sweeps.figures.recorded import NASTY, SVG, points_of, texts


@given(st.text() | st.sampled_from(NASTY))
def test_any_text_is_text(text: str) -> None:
    canvas = Canvas(text, 100)
    canvas.text(10, 10, text, room=80)
    canvas.add("<g>", title(text), "</g>")
    drawn = ElementTree.fromstring(canvas.svg())
    assert [element.tag for element in drawn][-1] == f"{SVG}g"
    assert not list(drawn.iter(f"{SVG}script"))


def test_a_long_name_is_clipped_and_told_whole() -> None:
    canvas = Canvas("a", 100)
    canvas.text(0, 10, "optimizer.learning_rate", room=66)
    (text,) = ElementTree.fromstring(canvas.svg())
    assert text.text == "optimize…"
    assert text[0].text == "optimizer.learning_rate"
    assert text_width(text.text) <= 66.1


coordinates = st.floats(-500, 1000)


@given(st.lists(st.tuples(coordinates, coordinates), min_size=1))
def test_a_path_holds_its_points(points: list[tuple[float, float]]) -> None:
    element = ElementTree.fromstring(f'<path d="{polyline(points)}"/>')
    found = points_of(element)
    assert len(found) == len(points) + (len(points) == 1)
    for (x, y), (a, b) in zip(points, found, strict=False):
        assert (a, b) == pytest.approx((x, y), abs=0.06)


@given(st.lists(coordinates, min_size=2, max_size=80))
def test_a_thinned_path_stays_near_its_points(heights: list[float]) -> None:
    points = [(7.0 * n, height) for n, height in enumerate(heights)]
    found = points_of(ElementTree.fromstring(f'<path d="{polyline(points, curve=True)}"/>'))
    assert found[0] == pytest.approx(points[0], abs=0.06)
    assert found[-1] == pytest.approx(points[-1], abs=0.06)
    for x, y in points:
        before = max((f for f in found if f[0] <= x + 0.1), key=lambda f: f[0])
        after = min((f for f in found if f[0] >= x - 0.1), key=lambda f: f[0])
        share = 0 if after == before else (x - before[0]) / (after[0] - before[0])
        assert abs(before[1] + share * (after[1] - before[1]) - y) < 2


def frame(low: float = 0, high: float = 10) -> Frame:
    return Frame(Linear(0, 10), Linear(low, high), 50, 20, 150, 120)


def test_places() -> None:
    assert frame().place(5, 10) == (100, 20)
    assert frame().place(0, 0) == (50, 120)
    assert frame().place(0, 99) == (50, 20), "at the edge"
    assert frame().place(0, float("nan")) is None


def test_a_line_is_cut_at_the_edges() -> None:
    pieces = frame().within([(0, 0), (10, 40), (20, 40), (30, 140)])
    assert pieces == [[(5, 20), (10, 40), (20, 40), (28, 120)]]
    (piece,) = frame().within([(0, 0), (10, 140)])
    assert piece[0] == pytest.approx((10 * 20 / 140, 20))
    assert piece[1] == pytest.approx((10 * 120 / 140, 120))
    assert frame().within([(0, 0), (10, 10)]) == []


def test_labels_of_an_axis_do_not_touch() -> None:
    canvas = Canvas("a", 200)
    names = tuple(f"a long label number {n}" for n in range(12))
    canvas.axis_across(Frame(Categories(names), Linear(0, 1), 50, 20, 700, 120), "x", 12)
    ends = -1.0
    for text in ElementTree.fromstring(canvas.svg()).iter(f"{SVG}text"):
        if text.get("class") == "tick":
            half = text_width(text.text or "") / 2
            assert float(text.attrib["x"]) - half > ends
            ends = float(text.attrib["x"]) + half
    assert len(texts(ElementTree.fromstring(canvas.svg()))) == 13
