"""Tables in terminals of any width: parameters before figures, and no line too long."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sweeps.console.columns import Column, shortened, table

FIGURES = [
    Column("trial", ["0001", "0002"], left=True),
    Column("val_accuracy", ["0.9312", "0.8777"], short="best"),
    Column("epoch", ["7", "12"], spare=2),
    Column("state", ["done", "stopped early"], left=True, spare=1),
]
PARAMS = [
    {"optimizer.lr": 0.00032, "norm": "batch", "norm.position": "before", "norm.affine": True},
    {"optimizer.lr": 0.1, "norm": "none"},
]


def lines(width: int, order: tuple[str, ...] = ()) -> list[str]:
    return [line.plain for line in table(FIGURES, PARAMS, list(order), width).lines]


def test_figures_give_way_before_parameters_do() -> None:
    assert lines(120) == [
        "trial  val_accuracy  epoch  state               lr   norm  position  affine",
        "0001         0.9312      7  done           3.2e-04  batch    before    true",
        "0002         0.8777     12  stopped early      0.1   none",
    ]
    assert lines(68)[0] == "trial  val_accuracy  state               lr   norm  position  affine"
    assert lines(53)[0] == "trial  val_accuracy       lr   norm  position  affine"
    assert lines(48)[0] == "trial    best       lr   norm  position  affine"


def test_the_most_important_come_first_and_the_learning_rate_always_has_a_column() -> None:
    order = ("norm.affine", "norm.position")
    assert lines(120, order)[0].split()[-4:] == ["affine", "position", "lr", "norm"]
    assert lines(30, order) == [
        "trial    best  affine       lr",
        "0001   0.9312    true  3.2e-04",
        "0002   0.8777              0.1",
    ]
    assert table(FIGURES, PARAMS, list(order), 30).left_out == 2


def test_headings_are_shortened_before_a_column_is_left_out() -> None:
    assert lines(46)[0] == "trial    best       lr   norm  positi…  affine"
    assert lines(44)[0] == "trial    best       lr   norm  position"


@given(st.integers(10, 150), st.lists(st.text(min_size=1, max_size=30), unique=True, max_size=8))
def test_no_line_is_wider_than_the_terminal(width: int, keys: list[str]) -> None:
    rows: list[dict[str, object]] = [dict.fromkeys(keys, "value"), {}]
    made = table(FIGURES, rows, [], width)
    assert len(made.lines) == 3
    assert all(line.cell_len <= width for line in made.lines)


def test_a_metric_is_as_wide_as_its_values() -> None:
    assert shortened("val_accuracy", ["0.9312"]) == "val_a…"
    assert shortened("loss", ["0.9312"]) == "loss"
