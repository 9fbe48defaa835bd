"""How numbers, times, names and cells are written for a person."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from sweeps.formatting import (
    Unit,
    bar,
    cell,
    clip,
    command,
    counted,
    counts,
    duration,
    encodable,
    fit,
    number,
    one_line,
    outcome,
    pairs,
    score,
    short_names,
)
from sweeps.trials import Objective, State, TrialRecord


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, "0 cards"),
        (1, "1 card"),
        (1.0, "1 card"),
        (2.5, "2.5 cards"),
        (10**6, "1000000 cards"),
    ],
)
def test_things_are_counted(count: float, told: str) -> None:
    assert counted(count, "card") == told


class TestCommand:
    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            (command("resume", "s"), "make resume SWEEP=s"),
            (command("resume", "my s"), "make resume SWEEP='my s'"),
            (
                command("train", words=["model=cnn", "optimizer.lr=3e-4"]),
                'make train ARGS="model=cnn optimizer.lr=3e-4"',
            ),
            (
                command("extend", "s", "/data/ü b", ["budget.trials=+20"]),
                "make extend SWEEP=s ARGS=\"'results=/data/ü b' budget.trials=+20\"",
            ),
        ],
    )
    def test_is_as_a_person_would_write_it(self, written: str, expected: str) -> None:
        assert written == expected


class TestWriting:
    @pytest.mark.parametrize(
        ("seconds", "expected"),
        [(0, "0:00"), (83.4, "1:23"), (59.6, "1:00"), (3723, "1:02:03"), (360000, "100:00:00")],
    )
    def test_duration(self, seconds: float, expected: str) -> None:
        assert duration(seconds) == expected

    @pytest.mark.parametrize(
        ("value", "expected"),
        [(0.98333, "0.9833"), (0.0, "0.0000"), (-12.5, "-12.5000"), (3.21e-5, "3.2e-05"),
         (123456.0, "123,456"), (1.234e9, "1.2e+09"), (float("nan"), "nan"), (float("inf"), "inf")],
    )  # fmt: skip
    def test_score(self, value: float, expected: str) -> None:
        assert score(value) == expected

    @pytest.mark.parametrize(
        ("value", "expected"),
        [(0.00032, "3.2e-04"), (0.25, "0.25"), (0.360770016, "0.361"), (0.9995, "0.9995"),
         (128, "128"), (True, "true"), (None, "null"), ("adamw", "adamw"), (0.0, "0.0"),
         ([1, 2], "[1,2]"), ("a\n\x1b[1mb", '"a b"'), ("a,b", '"a,b"'),
         ({"norm": None, "value": 0.0012345}, "{norm:null,value:1.2e-03}")],
    )  # fmt: skip
    def test_number(self, value: object, expected: str) -> None:
        assert number(value) == expected

    @given(st.text())
    def test_one_line(self, text: str) -> None:
        line = one_line(text)
        assert all(character.isprintable() for character in line)
        assert one_line(line) == line

    @given(st.floats(allow_nan=False), st.integers(0, 50))
    def test_a_bar_has_its_width(self, share: float, width: int) -> None:
        plain = bar(share, width).plain
        assert len(plain) == width
        assert plain == "━" * plain.count("━") + "─" * plain.count("─")

    def test_short_names_are_the_shortest_that_differ(self) -> None:
        names = short_names(["optimizer.lr", "model.width", "head.width", "lr_head", "width"])
        assert names == {
            "optimizer.lr": "lr", "model.width": "model.width", "head.width": "head.width",
            "lr_head": "lr_head", "width": "width",
        }  # fmt: skip

    @given(
        st.dictionaries(st.text(min_size=1, max_size=20), st.integers(1, 30)), st.integers(0, 99)
    )
    def test_fit_stays_in_its_room(self, widths: dict[str, int], room: int) -> None:
        assert sum(width + 2 for _, _, width in fit(widths, room)) <= room


class TestCells:
    @given(st.text(), st.integers(1, 40), st.booleans())
    def test_a_cell_has_exactly_its_width(self, text: str, width: int, right: bool) -> None:
        line = one_line(text)
        assert cell_len(cell(line, width, right)) == width

    @given(st.text(), st.integers(1, 40))
    def test_a_clipped_text_says_so(self, text: str, width: int) -> None:
        line = one_line(text)
        clipped = clip(line, width)
        assert cell_len(clipped) <= width
        assert clipped == line or clipped.endswith("…")

    def test_pairs_leave_out_what_does_not_fit(self) -> None:
        params = {"optimizer.lr": 0.00032, "model.name": "x" * 20, "model.width": 128}
        assert pairs(params, 80) == f"lr 3.2e-04  name {'x' * 20}  width 128"
        assert pairs(params, 25) == "lr 3.2e-04  width 128"
        assert pairs(params, 5) == ""

    @given(st.text(), st.sampled_from(["ascii", "latin-1", "cp1252", "utf-8"]))
    def test_any_text_can_be_printed(self, text: str, encoding: str) -> None:
        line = encodable(one_line(text), encoding)
        assert line.encode(encoding).decode(encoding) == line


class TestTrials:
    ACCURACY = Objective("val_accuracy", maximize=True)

    def test_counts_name_only_what_occurred(self) -> None:
        assert counts({}) == "0 done"
        states = {State.COMPLETE: 31, State.STOPPED: 5, State.FAILED: 3, State.DIVERGED: 1}
        assert counts(states) == "31 done · 5 stopped early · 4 failed"

    @pytest.mark.parametrize(
        ("state", "reason", "expected"),
        [
            (State.COMPLETE, "", "done: val_accuracy 0.9000 at epoch 1"),
            (
                State.STOPPED,
                "asha",
                "stopped early after epoch 2: val_accuracy 0.9000 at epoch 1 (asha)",
            ),
            (State.FAILED, "out of\nmemory", "failed after epoch 2: out of memory"),
            (State.ABANDONED, "", "abandoned after epoch 2"),
        ],
    )
    def test_an_outcome_has_its_score_or_its_reason(
        self, state: State, reason: str, expected: str
    ) -> None:
        epochs = {1: {"val_accuracy": 0.9}, 2: {"val_accuracy": 0.8}}
        trial = TrialRecord("0003", 3, state, reason, epochs=epochs)
        assert outcome(trial, self.ACCURACY) == expected


class TestUnits:
    @pytest.mark.parametrize(
        ("metric", "values", "points"),
        [
            ("val_accuracy", [0.1, 0.99], True),
            ("val_acc", [0.5], True),
            ("val_accuracy", [10.0, 99.0], False),
            ("val_accuracy", [], False),
            ("val_loss", [0.1, 0.99], False),
            ("accelerated", [0.5], False),
        ],
    )
    def test_points_are_for_what_is_clearly_a_share(
        self, metric: str, values: list[float], points: bool
    ) -> None:
        assert Unit.of(metric, values).points is points

    def test_differences_have_a_sign_a_margin_and_a_unit(self) -> None:
        points, loss = Unit("val_accuracy", True), Unit("val_loss", False)
        assert points.change(0.0042, 0.0031) == "+0.42 ± 0.31 points"
        assert points.change(-0.123) == "-12.3 points"
        assert loss.change(-0.0312, 0.01) == "-0.031 ± 0.01 val_loss"
        assert (points.value(0.98765), loss.value(0.0312)) == ("98.77 %", "0.0312")
