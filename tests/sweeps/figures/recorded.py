"""Sweeps as they are read from a folder, without one: figures are drawn of data."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from sweeps.figures.figure import Figure
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.results_folder import Folder
from sweeps.space.dimensions import Dimension
from sweeps.trials import Objective, State, TrialRecord

SVG = "{http://www.w3.org/2000/svg}"
NASTY = (
    "<script>alert(1)</script>",
    "a\"b'c&d",
    "=cmd()",
    "😀 emoji \x00 \x1b[31m \ud800 \ufffe",
    "long" * 75,
    "",
)


def trial(number: int, values: Sequence[float] = (), **rest: Any) -> TrialRecord:
    """A complete trial with these values of "score", epoch by epoch."""
    known = {"state": State.COMPLETE, **rest}
    return TrialRecord(
        id=f"{number:04d}",
        number=number,
        epochs={epoch: {"score": value, "epoch_s": 1.0} for epoch, value in enumerate(values, 1)},
        **known,
    )


def sweep_of(
    trials: Iterable[TrialRecord],
    dimensions: Mapping[str, Dimension] | None = None,
    maximize: bool = True,
    further: Sequence[Objective] = (),
    **config: Any,
) -> RecordedSweep:
    return RecordedSweep(
        folder=Folder(Path("nowhere") / config.pop("name", "a")),
        config={"seed": 0, "baseline": True, **config},
        overrides=(),
        choices={},
        data="",
        made_by={},
        uid="",
        wall_s=1.0,
        objectives=(Objective("score", maximize), *further),
        dimensions=dict(dimensions or {}),
        trials=tuple(trials),
        remarks=(),
        attributes=config.pop("attributes", {}),
    )


def root(figure: Figure) -> ElementTree.Element:
    """The drawing, which must be XML; whatever is placed must lie on the canvas."""
    assert re.fullmatch(r"[a-z0-9-]+", figure.id)
    found = ElementTree.fromstring(figure.svg)
    assert "nan" not in re.sub(r"[\"'>][^<]*", "", figure.svg).lower()
    _, _, width, height = map(float, found.attrib["viewBox"].split())
    for element in found.iter():
        for name, most in (("x", width), ("cx", width), ("y", height), ("cy", height)):
            if name in element.attrib:
                assert -20 <= float(element.attrib[name]) <= most + 20
    assert all(len(row) == len(figure.columns) for row in figure.rows)
    return found


def of_trial(drawn: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [element for element in drawn.iter() if element.get("data-t") == name]


def texts(drawn: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in drawn.iter(f"{SVG}text")]


def points_of(element: ElementTree.Element) -> list[tuple[float, float]]:
    """The points of a path of M and l commands."""
    points, x, y = [], 0.0, 0.0
    for command, numbers in re.findall(r"([Mmlhv])([^A-Za-z]*)", element.attrib["d"]):
        found = [float(n) for n in re.findall(r"-?\d*\.?\d+", numbers)]
        if command in "hv":
            x, y = x + (found[0] if command == "h" else 0), y + (found[0] if command == "v" else 0)
            points.append((x, y))
            continue
        for dx, dy in zip(found[::2], found[1::2], strict=True):
            x, y = (dx, dy) if command == "M" else (x + dx, y + dy)
            points.append((x, y))
    return points


def ticks_at(drawn: ElementTree.Element, across: bool = True) -> dict[float, float]:
    """Number of a tick -> where it stands."""
    anchor, name = ("middle", "x") if across else ("end", "y")
    found = {}
    for element in drawn.iter(f"{SVG}text"):
        if element.get("class") == "tick" and element.get("text-anchor") == anchor:
            try:
                value = float((element.text or "").replace(",", ""))
            except ValueError:
                continue
            if math.isfinite(value):
                found[value] = float(element.attrib[name]) - (0 if across else 4)
    return found


def along(ticks: Mapping[float, float], value: float) -> float:
    """Where a value lies on a linear axis with these ticks."""
    (a, at_a), *_, (b, at_b) = sorted(ticks.items())
    return at_a + (value - a) / (b - a) * (at_b - at_a)
