"""Write SVG: text that fits, lines, axes with their grid, a legend.

Classes only, no colours: the page's stylesheet has them. What is drawn of a trial has the class `t`
and is a <path> (stroked), a <circle> or a <rect> (filled).
"""

from __future__ import annotations

import html
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from rich.cells import cell_len

from sweeps.figures.drawing.scales import Scale
from sweeps.formatting import clip, one_line

WIDTH = 720

#: Units that a character takes at the 12 units of all text, on average and rounded up.
CHARACTER = 7.0
#: Characters of a <title>, at most.
LONGEST_TITLE = 400
#: Points of a curve that may be left out between two that are drawn.
_MOST_SKIPPED = 6
#: Elements of trials that hide each other.
_MANY = 120


@lru_cache(maxsize=1 << 14)
def escape(text: str) -> str:
    """Return a text for the inside of an element or an attribute, whatever it holds."""
    return html.escape(one_line(text), quote=True)


def coordinate(value: float) -> str:
    """Format a coordinate with at most one decimal."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def title(text: str) -> str:
    """Return the <title> that tells, on hover, what an element is."""
    return f"<title>{escape(clip(one_line(text), LONGEST_TITLE))}</title>"


def polyline(points: Iterable[tuple[float, float]], curve: bool = False) -> str:
    """Return the `d` of a path through points, in relative steps, which are shorter.

    Args:
        curve: leave out what lies, but for a quarter of a unit, on the way.
    """
    tenths = [(round(x * 10), round(y * 10)) for x, y in points]
    if not tenths:
        return ""
    if curve:
        tenths = _bends(tenths)
    x, y = tenths[0]
    parts = [f"M{_tenths(x)} {_tenths(y)}"]
    for next_x, next_y in tenths[1:]:
        dy = _tenths(next_y - y)
        lead = "l" if len(parts) == 1 else " "
        parts.append(f"{lead}{_tenths(next_x - x)}{'' if dy[0] == '-' else ' '}{dy}")
        x, y = next_x, next_y
    if len(parts) == 1:
        parts.append("h0")  # round ends make a dot of it
    return "".join(parts)


def _bends(points: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Leave out points on the way, no more than a few in a row: a slow bend stays one."""
    kept, skipped = [points[0]], 0
    for here, after in itertools.pairwise(points[1:]):
        (x, y), (a, b) = kept[-1], after
        straight = a > x and abs(y + (b - y) * (here[0] - x) / (a - x) - here[1]) <= 2
        skipped = skipped + 1 if straight and skipped < _MOST_SKIPPED else 0
        if not skipped:
            kept.append(here)
    return [*kept, *points[-1:]] if len(points) > 1 else kept


def _tenths(value: int) -> str:
    whole, rest = divmod(abs(value), 10)
    sign = "-" if value < 0 else ""
    if not rest:
        return f"{sign}{whole}"
    return f"{sign}{whole or ''}.{rest}"


@dataclass(frozen=True)
class Frame:
    """Describes where values lie on the canvas: the scales across and up, and their ends."""

    x: Scale
    y: Scale
    left: float
    top: float
    right: float
    bottom: float

    def place(self, x: object, y: object) -> tuple[float, float] | None:
        """Return the point of two values, at the edge if beyond; None if one has no place."""
        across, up = self.across(x), self.up(y)
        if across is None or up is None:
            return None
        inside = min(max(across, self.left), self.right)
        return inside, min(max(up, self.top), self.bottom)

    def within(self, points: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
        """Cut a line through points at the upper and lower edges: the pieces between them."""
        pieces: list[list[tuple[float, float]]] = []
        for begin, end in itertools.pairwise([*points, *points[-1:]]):
            part = [self._on_edge(begin, end), self._on_edge(end, begin)]
            if part[0] is None or part[1] is None:
                continue
            if not pieces or pieces[-1][-1] != part[0]:
                pieces.append([part[0]])
            if part[1] != part[0]:
                pieces[-1].append(part[1])
        return pieces

    def _on_edge(
        self, begin: tuple[float, float], end: tuple[float, float]
    ) -> tuple[float, float] | None:
        """Move the beginning of a line along it to the frame; None if nothing is within."""
        (x, y), (a, b) = begin, end
        edge = min(max(y, self.top), self.bottom)
        if edge == y:
            return begin
        if (b - y) * (edge - y) <= 0 or abs(b - y) < abs(edge - y):
            return None
        return x + (a - x) * (edge - y) / (b - y), edge

    def across(self, x: object) -> float | None:
        """Return where a value lies from left to right."""
        at = self.x.at(x)
        return None if at is None else self.left + at * (self.right - self.left)

    def up(self, y: object) -> float | None:
        """Return where a value lies from top to bottom; more is higher."""
        at = self.y.at(y)
        return None if at is None else self.bottom - at * (self.bottom - self.top)


@dataclass
class Canvas:
    """Collects the elements of a figure; later ones lie on top."""

    name: str
    height: float
    parts: list[str] = field(default_factory=list)

    def add(self, *elements: str) -> None:
        """Add elements as they are."""
        self.parts.extend(elements)

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        """Draw a line."""
        d = polyline([(x1, y1), (x2, y2)])
        self.add(f'<path class="{kind}" d="{d}"/>')

    def rect(self, x: float, y: float, width: float, height: float, kind: str) -> None:
        """Draw a rectangle."""
        self.add(rect(x, y, width, height, kind) + "/>")

    def text(
        self,
        x: float,
        y: float,
        text: str,
        kind: str = "label",
        anchor: str = "start",
        room: float = WIDTH,
        upright: bool = False,
    ) -> None:
        """Write a text, clipped to the room there is; the whole is told on hover.

        Args:
            upright: read from bottom to top.
        """
        whole = one_line(text)
        shown = clip(whole, max(int(room / CHARACTER), 2))
        turn = f' transform="rotate(-90 {coordinate(x)} {coordinate(y)})"' if upright else ""
        lead = "" if anchor == "start" else f' text-anchor="{anchor}"'
        more = title(whole) if shown != whole else ""
        self.add(
            f'<text class="{kind}" x="{coordinate(x)}" y="{coordinate(y)}"{lead}{turn}>'
            f"{escape(shown)}{more}</text>"
        )

    def axes(self, frame: Frame, across: str, up: str, most_across: int = 10) -> None:
        """Draw both axes with grid, ticks and names."""
        self.axis_across(frame, across, most_across)
        self.axis_up(frame, up)

    def axis_across(self, frame: Frame, name: str, most: int = 10) -> None:
        """Draw the axis at the bottom; labels that would touch the one before are left out."""
        width = frame.right - frame.left
        ticks = frame.x.ticks(most)
        room = width / max(len(ticks), 1) - 6
        end = -1.0
        for tick in ticks:
            x = frame.left + tick.at * width
            self.line(x, frame.top, x, frame.bottom, "grid")
            half = min(text_width(tick.label), max(room, 26.0)) / 2
            x = min(x, WIDTH - 4 - half)
            if x - half < end + 5:
                continue
            self.text(x, frame.bottom + 17, tick.label, "tick", "middle", max(room, 26.0))
            end = x + half
        self.line(frame.left, frame.bottom, frame.right, frame.bottom, "axis")
        middle = (frame.left + frame.right) / 2
        self.text(middle, frame.bottom + 36, name, "label", "middle", width)

    def axis_up(self, frame: Frame, name: str) -> None:
        """Draw the axis at the left, its name above it."""
        height = frame.bottom - frame.top
        for tick in frame.y.ticks(max(3, int(height / 36))):
            y = frame.bottom - tick.at * height
            self.line(frame.left, y, frame.right, y, "grid")
            self.text(frame.left - 8, y + 4, tick.label, "tick", "end", frame.left - 10)
        self.text(4, 14, name, "label", room=WIDTH - 8)

    def legend(self, entries: Sequence[tuple[str, str]], y: float) -> None:
        """Write a row of samples with their names, from the right; those that do not fit, not.

        Args:
            entries: (element without its position's transform, name).
        """
        x = float(WIDTH - 8)
        for sample, name in reversed(entries):
            x -= text_width(name)
            if x < 24:
                return
            self.add(f'<g transform="translate({coordinate(x - 16)} {coordinate(y - 4)})">')
            self.add(sample, "</g>")
            self.text(x, y, name, "tick")
            x -= 30

    def ranks(self, low: str, high: str, y: float) -> None:
        """Show at the right what the colours of ranks mean, from the lowest to the highest."""
        x = WIDTH - 12 - text_width(high) - 6
        self.text(WIDTH - 12, y, high, "tick", "end")
        for tenth in range(10):
            self.rect(x - 120 + tenth * 12, y - 10, 12, 12, f"v{tenth}")
        self.text(x - 126, y, low, "tick", "end")

    def trials(self, elements: Sequence[str], kind: str = "trials") -> None:
        """Add the elements of trials; where they are many, each is to be drawn lighter."""
        many = " many" if len(elements) > _MANY else ""
        self.add(f'<g class="{kind}{many}">', *elements, "</g>")

    def svg(self) -> str:
        """Return the whole as one <svg> element."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} '
            f'{coordinate(self.height)}" role="img" aria-label="{escape(self.name)}">'
            f"{''.join(self.parts)}</svg>"
        )


def rect(x: float, y: float, width: float, height: float, kind: str) -> str:
    """Return a rectangle, without its end."""
    return (
        f'<rect class="{kind}" x="{coordinate(x)}" y="{coordinate(y)}" '
        f'width="{coordinate(max(width, 0))}" height="{coordinate(max(height, 0))}"'
    )


def text_width(text: str) -> float:
    """Estimate the units that a text takes."""
    return cell_len(one_line(text)) * CHARACTER
