"""A figure has its sentence and its table, for who does not see the drawing."""

from __future__ import annotations

from sweeps.figures.figure import Figure
from sweeps.page.sections.figure import figure, figures


def test_a_figure_has_its_sentence_and_its_table() -> None:
    drawn = Figure("x", "<T>", 'It "rises".', "<svg></svg>", ("a", "b"), [("1", "<2>")])
    made = figure(drawn, "figure-x")
    assert 'role="img" aria-label="It &#34;rises&#34;."><svg></svg>' in made
    assert "<figcaption>It &#34;rises&#34;.</figcaption>" in made
    assert '<details id="figure-x-table">' in made
    assert "&lt;2&gt;" in made
    assert "&lt;T&gt;" in made
    assert '<a href="#figure-x">' in figures([("figure-x", drawn)])


def test_without_an_epoch_a_line_says_so() -> None:
    assert "Nothing can be drawn yet" in figures([])
