"""What is printed when a sweep ends, whatever came of it."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from sweeps.console.closing import show
from sweeps.findings.finding import Certainty, Finding, Findings, Importance, Topic
from sweeps.trials import Source, State
from tests.sweeps.console.endings import SIX, ending, printed, trial


class TestBestTrial:
    def test_test_score_and_importances(self) -> None:
        shares = [("optimizer.lr", 0.75), ("model.width", 0.25)]
        what = replace(
            ending(*SIX),
            test={"test_accuracy": 0.98123, "test_loss": 0.0000321},
            findings=Findings(
                (),
                importances=tuple(Importance(p, {"fanova": v, "mdi": 0.5}) for p, v in shares),
                importances_note="Only 6 finished trials.",
            ),
        )
        lines = printed(what)
        assert "test_accuracy 0.9812  test_loss 3.2e-05" in lines
        begin = lines.index("What mattered  shares that add up to 1; fANOVA: what moves the score")
        assert lines[begin + 1 : begin + 4] == [
            f"{'':37}  fANOVA   mdi",
            f"lr     {'━' * 22}{'─' * 8}    0.75  0.50",
            f"width  {'━' * 8}{'─' * 22}    0.25  0.50",
        ]
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


class TestNothingToRank:
    def test_no_trial_at_all(self) -> None:
        what = replace(ending(), stopped_because="interrupted (Ctrl-C)", overhead=None)
        assert printed(what) == [
            "quick  0 trials in 1:02:03: 0 done",
            "Ended before its budget was used up: interrupted (Ctrl-C)",
            "No trial was finished.",
        ]

    def test_unfinished_trials_only(self) -> None:
        lines = printed(ending(trial(0, State.RUNNING, 0.9), trial(1, State.ABANDONED)))
        assert lines[0].endswith(": 1 unfinished · 0 done · 1 abandoned")
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


class TestOneCount:
    """What the live line, the closing headline and the files call the trials is the same."""

    REASON = '25,484 parameters, over 20,000 (require "parameters <= 20_000")'

    def test_infeasible_proposals_are_no_trials_and_no_failures(self) -> None:
        refused = [trial(n, State.INFEASIBLE, reason=self.REASON) for n in (6, 7)]
        million = self.REASON.replace("25,484", "1,025,484")
        lines = printed(ending(*SIX, *refused, trial(8, State.INFEASIBLE, reason=million)))
        assert lines[0] == "quick  6 trials in 1:02:03: 6 done, beside 3 infeasible"
        assert not any("Failures" in line for line in lines)
        begin = lines.index("Infeasible  proposals that were not trained, at no cost")
        assert " ".join(line.strip() for line in lines[begin + 1 :]) == (
            f"3  such as 0006: {self.REASON}"
        )

    def test_a_trial_that_goes_on_in_the_place_of_another_is_the_same(self) -> None:
        children = [
            replace(trial(n, State.COMPLETE, 0.9, 0.9), source=Source("0000", epoch=1))
            for n in (6, 7)
        ]
        replaced = [trial(n, State.STOPPED, 0.1) for n in (1, 2)]
        what = ending(SIX[0], *replaced, *SIX[3:], *children)
        assert printed(what)[0] == "quick  6 trials in 1:02:03: 6 done, beside 2 replaced"

    def test_the_time_of_a_slot_is_told_in_its_parts(self) -> None:
        parts = (("training", 1234.0), ("starting processes", 12.0))
        lines = printed(replace(ending(*SIX), slot_time=parts))
        assert lines[1] == "Time of a slot, on average: 20:34 training, 0:12 starting processes"


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("long", ["x" * 300, "long words " * 40, "漢字" * 90])
def test_no_line_is_wider_than_the_console(width: int, long: str) -> None:
    params = {f"group.{long}{n}": long for n in range(5)}
    best = replace(trial(0, State.STOPPED, 0.9, reason=long), params={"lr": 0.1, **params})
    what = replace(
        ending(best, trial(1, State.FAILED, reason=long)),
        stopped_because=long,
        test={f"metric_{n}": 0.5 for n in range(20)},
        findings=Findings(
            tuple(Finding(f"f{n}", topic, Certainty.CLEAR, long) for n, topic in enumerate(Topic)),
            importances=tuple(Importance(key, {"fanova": 0.5, "mdi": 0.1}) for key in params),
            importances_note=long,
        ),
        next_commands={"make report": long},
    )
    lines = printed(what, width)
    assert max(map(cell_len, lines)) <= width
    assert len(lines) > 15


def test_a_console_that_lacks_the_characters() -> None:
    raw = io.BytesIO()
    what = replace(
        ending(*SIX), findings=Findings((), importances=(Importance("漢", {"fanova": 0.5}),))
    )
    file = io.TextIOWrapper(raw, encoding="ascii")
    show(Console(file=file, width=80), what)
    assert b"#" * 15 + b"-" * 15 in raw.getvalue()
