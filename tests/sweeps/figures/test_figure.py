"""A figure is data that stays as it is."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from sweeps.figures.figure import Figure


def test_a_figure_does_not_change() -> None:
    figure = Figure("a", "A", "It is an a.", "<svg/>", ("x",), (("1",),))
    with pytest.raises(FrozenInstanceError):
        figure.id = "b"  # type: ignore[misc]
