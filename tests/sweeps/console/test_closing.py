"""What is printed when a sweep ends, whatever came of it."""

from __future__ import annotations

import io
import math
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from sweeps.console.closing import show
from sweeps.formatting import bar, duration, fit, number, one_line, paste, score, short_names
from sweeps.repeats.verdict import Rerun
from sweeps.report.closing import Ending
from sweeps.report.importance import Importance
from sweeps.trials import Objective, Source, State, TrialRecord

ACCURACY = Objective("val_accuracy", maximize=True)


def trial(number: int, state: State, *values: float, reason: str = "") -> TrialRecord:
    """A trial whose epochs had these values of both metrics."""
    epochs = {n: {"val_accuracy": v, "val_loss": v} for n, v in enumerate(values, 1)}
    params = {"optimizer.lr": 0.00032, "model.width": 64 + number, "model.norm": "batch"}
    return TrialRecord(f"{number:04}", number, state, reason, params, epochs)


def ending(*trials: TrialRecord, objective: Objective = ACCURACY) -> Ending:
    return Ending("quick", objective, trials, wall_s=3723, train_s=3300, overhead=0.0831)


def printed(what: Ending, width: int = 80) -> list[str]:
    file = io.StringIO()
    show(Console(file=file, width=width), what)
    return [line.rstrip() for line in file.getvalue().splitlines()]


SIX = [trial(n, State.COMPLETE, 0.5, 0.9 + n / 100, 0.6) for n in range(6)]


class TestBest:
    def test_the_best_five(self) -> None:
        stopped = trial(6, State.STOPPED, 0.93999, reason="asha")
        lines = printed(ending(*SIX, stopped, trial(7, State.FAILED, 0.99)))
        assert lines[0] == "quick  8 trials in 1:02:03: 6 done · 1 stopped early · 1 failed"
        assert lines[1].endswith("overhead 8.3% of their time")
        begin = lines.index("Best trials  highest val_accuracy first")
        rows = [line.split() for line in lines[begin + 1 : begin + 7]]
        assert rows[0] == ["trial", "val_accuracy", "epoch", "state", "lr", "width", "norm"]
        assert rows[1] == ["1", "0005", "0.9500", "2", "done", "3.2e-04", "69", "batch"]
        assert [row[1] for row in rows[1:]] == ["0005", "0004", "0006", "0003", "0002"]
        assert rows[3][2:6] == ["0.9400", "1", "stopped", "early"]
        assert lines[begin + 7] == ""

    def test_the_lowest_when_minimised(self) -> None:
        lines = printed(ending(*SIX, objective=Objective("val_loss", maximize=False)))
        assert "Best trials  lowest val_loss first" in lines
        first = next(line for line in lines if line.startswith("1  "))
        assert first.split()[:4] == ["1", "0000", "0.5000", "1"]

    def test_columns_that_do_not_fit_are_counted(self) -> None:
        many = replace(SIX[0], params={f"model.parameter_{n}": n for n in range(12)})
        lines = printed(ending(many))
        assert "Best trials  highest val_accuracy first; 9 more parameters in the records" in lines

    def test_test_score_and_importances(self) -> None:
        shares = [("optimizer.lr", 0.75), ("model.width", 0.25)]
        what = replace(
            ending(*SIX),
            test={"test_accuracy": 0.98123, "test_loss": 0.0000321},
            importances=tuple(Importance(p, {"fanova": v, "mdi": 0.5}) for p, v in shares),
            importances_note="Only 6 finished trials.",
        )
        lines = printed(what)
        assert "test_accuracy 0.9812  test_loss 3.2e-05" in lines
        assert f"lr     {'━' * 22}{'─' * 8}  0.75  0.50" in lines
        assert f"width  {'━' * 8}{'─' * 22}  0.25  0.50" in lines
        assert "Only 6 finished trials." in lines

    def test_paths_are_relative_when_shorter(self, tmp_path: Path) -> None:
        here = os.path.join(os.getcwd(), "results", "quick")
        what = replace(ending(*SIX), paths={"checkpoints": here, "disk": "/x", "records": "a/b"})
        lines = printed(what)
        assert "checkpoints  results/quick" in lines
        assert "disk         /x" in lines
        assert "records      a/b" in lines

    def test_next_commands_are_never_cut(self) -> None:
        commands = {"make report SWEEP=quick": "one file", f"make sweep ARGS={'x' * 90}": "again"}
        lines = printed(replace(ending(*SIX), next_commands=commands), width=60)
        begin = lines.index("Next")
        assert lines[begin + 1 :] == [
            "make report SWEEP=quick", "  one file", f"make sweep ARGS={'x' * 90}", "  again",
        ]  # fmt: skip


class TestRepeats:
    AGAIN = tuple(
        replace(trial(6 + n, State.COMPLETE, 0.99), source=Source("0005", seed=n)) for n in (1, 2)
    )

    def test_are_told_by_themselves_and_not_ranked(self) -> None:
        rows = (
            Rerun("0004", 0.94, 0.98, 0.97, 0.99, 2, False),
            Rerun("0005", 0.95, 0.90, -math.inf, math.inf, 1, True),
        )
        lines = printed(replace(ending(*SIX, *self.AGAIN), reruns=rows, verdict=("So it is.",)))
        assert lines[0] == "quick  8 trials in 1:02:03, 2 of them repeats: 8 done"
        assert not any("0.9900" in line for line in lines)
        begin = lines.index("Run again with fresh seeds  best val_accuracy; ± 95 %")
        assert [line.split() for line in lines[begin + 1 : begin + 5]] == [
            ["trial", "search", "again", "seeds"],
            ["0004", "0.9400", "0.9800", "±", "0.0100", "2"],
            ["0005", "0.9500", "0.9000", "1", "dropped", "early"],
            ["So", "it", "is."],
        ]

    def test_within_a_trial_are_told_with_their_spread(self) -> None:
        epochs = {1: {"val_accuracy": 0.9, "val_accuracy_sd": 0.0123}}
        lines = printed(ending(replace(SIX[0], epochs=epochs)))
        head = "Best trials  highest val_accuracy first; means ± standard deviation over seeds"
        assert lines[lines.index(head) + 2].split()[:5] == ["1", "0000", "0.9000", "±", "0.0123"]


class TestNothingToRank:
    def test_no_trial_at_all(self) -> None:
        what = replace(ending(), stopped_because="interrupted (Ctrl-C)", overhead=None)
        assert printed(what) == [
            "quick  0 trials in 1:02:03: 0 done",
            "Ended before its budget did: interrupted (Ctrl-C)",
            "No trial was finished.",
        ]

    def test_unfinished_trials_only(self) -> None:
        lines = printed(ending(trial(0, State.RUNNING, 0.9), trial(1, State.ABANDONED)))
        assert lines[0].endswith(": 0 done · 1 abandoned · 1 unfinished")
        assert "No trial was finished." in lines
        assert not any("Best trials" in line for line in lines)

    def test_all_failed(self) -> None:
        """The common reasons, those that differ in figures only counted as one."""
        reasons = ["out of memory: 2.50 GiB asked"] * 2 + ["out of memory: 3 GiB asked"]
        reasons += ["no\nsuch \x1b[31mfile", "", "a", "b"]
        failed = [trial(n, State.FAILED, 0.9, reason=r) for n, r in enumerate(reasons)]
        nan = [trial(n, State.DIVERGED, 0.9, reason="loss is nan") for n in (7, 8)]
        lines = printed(ending(*failed, *nan))
        assert lines[0].endswith(": 0 done · 9 failed")
        assert "Every trial failed." in lines
        begin = lines.index("Failures  the most common first")
        assert lines[begin + 1 :] == [
            "   3  failed, such as 0000: out of memory: 2.50 GiB asked",
            "   2  diverged, such as 0007: loss is nan",
            "   1  failed, such as 0003: no such file",
            "   3  for other reasons",
        ]
        assert not any("make train" in line for line in lines)


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("long", ["x" * 300, "long words " * 40, "漢字" * 90])
def test_no_line_is_wider_than_the_console(width: int, long: str) -> None:
    params = {f"group.{long}{n}": long for n in range(5)}
    best = replace(trial(0, State.STOPPED, 0.9, reason=long), params={"lr": 0.1, **params})
    what = replace(
        ending(best, trial(1, State.FAILED, reason=long)),
        stopped_because=long,
        test={f"metric_{n}": 0.5 for n in range(20)},
        importances=tuple(Importance(key, {"fanova": 0.5, "mdi": 0.1}) for key in params),
        importances_note=long,
        next_commands={"make report": long},
    )
    lines = printed(what, width)
    assert max(map(cell_len, lines)) <= width
    assert len(lines) > 15


def test_a_console_that_lacks_the_characters() -> None:
    raw = io.BytesIO()
    what = replace(ending(*SIX), importances=(Importance("漢", {"fanova": 0.5}),))
    file = io.TextIOWrapper(raw, encoding="ascii")
    show(Console(file=file, width=80), what)
    assert b"#" * 15 + b"-" * 15 in raw.getvalue()


class TestPaste:
    def test_plain_overrides_stay_plain(self) -> None:
        assert paste(["model=cnn", "optimizer.lr=3e-4"]) == (
            'make train ARGS="model=cnn optimizer.lr=3e-4"'
        )

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(
            st.text("""ab=[]{}(),.:'"\\$`#*~&;|<> """, min_size=1, max_size=12),
            min_size=1,
            max_size=3,
        )
    )
    def test_the_overrides_come_through_shell_and_make(self, overrides: list[str]) -> None:
        """The pasted line, run by a shell in front of a real Makefile."""
        makefile = "train:;@printf '%s\\n' $(ARGS)\n"
        command = paste(overrides).replace("make train", "make -s -f - train", 1)
        result = subprocess.run(
            ["sh", "-c", command], input=makefile, capture_output=True, text=True, check=True
        )
        assert result.stdout == "".join(f"{override}\n" for override in overrides)


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
         (123456.0, "1.2e+05"), (float("nan"), "nan"), (float("inf"), "inf")],
    )  # fmt: skip
    def test_score(self, value: float, expected: str) -> None:
        assert score(value) == expected

    @pytest.mark.parametrize(
        ("value", "expected"),
        [(0.00032, "3.2e-04"), (0.25, "0.25"), (0.360770016, "0.361"), (0.9995, "0.9995"),
         (128, "128"), (True, "true"), (None, "null"), ("adamw", "adamw"), (0.0, "0.0"),
         ([1, 2], "[1, 2]"), ("a\n\x1b[1mb", "a b")],
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
