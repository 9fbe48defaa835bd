"""The tables that close a sweep: the best trials, reruns, and what does not fit."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from rich.cells import cell_len

from sweeps.console.text_tables import FRONT, SEEDS, ablation_table, front_table, seeds_table
from sweeps.repeats.verdict import Rerun
from sweeps.search.ablation import Change
from sweeps.trials import Objective, Source, State, TrialRecord, front
from tests.sweeps.console.endings import ACCURACY, SIX, ending, printed, trial


class TestBest:
    def test_the_best_five(self) -> None:
        stopped = trial(6, State.STOPPED, 0.93999, reason="asha")
        lines = printed(ending(*SIX, stopped, trial(7, State.FAILED, 0.99)))
        assert lines[0] == "quick  8 trials in 1:02:03: 6 done · 1 stopped early · 1 failed"
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
        assert "Best trials  highest val_accuracy first; 7 more parameters in trials.csv" in lines


class TestRepeats:
    AGAIN = tuple(
        replace(trial(6 + n, State.COMPLETE, 0.99), source=Source("0005", seed=n)) for n in (1, 2)
    )

    def test_have_a_table_of_their_own_and_no_rank(self) -> None:
        rows = (
            Rerun("0004", 0.94, 0.98, 0.97, 0.99, 2, False),
            Rerun("0005", 0.95, 0.90, -math.inf, math.inf, 1, True),
        )
        lines = printed(replace(ending(*SIX, *self.AGAIN), reruns=rows, verdict=("So it is.",)))
        assert lines[0] == "quick  8 trials in 1:02:03, 2 of them repeats: 8 done"
        assert not any("0.9900" in line for line in lines)
        begin = lines.index("Run again with fresh seeds  best val_accuracy; ± 95 %")
        assert [line.split() for line in lines[begin + 1 : begin + 5]] == [
            ["trial", "search", "rerun", "seeds"],
            ["0004", "0.9400", "0.9800", "±", "0.0100", "2"],
            ["0005", "0.9500", "0.9000", "1", "dropped", "early"],
            ["So", "it", "is."],
        ]

    def test_within_a_trial_show_their_spread(self) -> None:
        epochs = {1: {"val_accuracy": 0.9, "val_accuracy_sd": 0.0123}}
        lines = printed(ending(replace(SIX[0], epochs=epochs)))
        head = "Best trials  highest val_accuracy first; means ± standard deviation over seeds"
        assert lines[lines.index(head) + 2].split()[:5] == ["1", "0000", "0.9000", "±", "0.0123"]


class TestAblation:
    ROWS = (
        Change("", 3, 0.9, 0.01, 0.0, math.nan),
        Change("model.dropout=0.25", 3, 0.92, 0.01, 0.02, 0.01),
        Change("norm.position=before optimizer.lr=0.1", 3, 0.85, 0.01, -0.05, 0.01),
    )

    @pytest.mark.parametrize("width", [60, 80, 120])
    def test_the_change_is_whole_and_the_figures_give_way(self, width: int) -> None:
        what = replace(ending(*SIX), sheet=self.ROWS)
        lines = [line.plain for line in ablation_table(what, width)][2:]
        assert lines[1].split()[:1] == ["0.9000"]
        assert "baseline" in lines[1]
        assert lines[2].endswith("worked    model.dropout=0.25")
        assert lines[3].endswith("hurt      norm.position=before optimizer.lr=0.1")
        assert ("± 0.0100" in lines[2]) == (width > 60)
        assert max(map(cell_len, lines)) <= width

    def test_a_change_is_cut_only_where_nothing_else_can_go(self) -> None:
        long = replace(self.ROWS[1], overrides="model.dropout=0.25 " * 5)
        what = replace(ending(*SIX), sheet=(self.ROWS[0], long))
        lines = [line.plain for line in ablation_table(what, 60)][2:]
        assert "± 0.0100" not in lines[2]
        assert lines[2].endswith("…")
        assert cell_len(lines[2]) == 60


class TestFront:
    OBJECTIVES = (ACCURACY, Objective("parameters", maximize=False))

    def lines(self, count: int, width: int = 60) -> list[str]:
        trials = [
            TrialRecord(
                f"{n:04}",
                n,
                State.COMPLETE,
                params={"model.width": 64 + n},
                epochs={1: {"val_accuracy": 0.5 + n / 100, "parameters": 10_000.0 * (n + 1)}},
            )
            for n in range(count)
        ]
        best_of_all = front(trials, self.OBJECTIVES)
        what = replace(ending(*trials), objectives=self.OBJECTIVES, front=tuple(best_of_all))
        return [line.plain.rstrip() for line in front_table(what, width)]

    def test_is_left_out_with_one_objective(self) -> None:
        assert list(front_table(ending(*SIX), 80)) == []

    def test_has_a_column_for_each_objective(self) -> None:
        assert self.lines(2) == [
            "",
            "Trade-off  high val_accuracy against low parameters: "
            "trials that no other beats in all",
            "trial  val_accuracy  parameters  width",
            "0001         0.5100      20,000     65",
            "0000         0.5000      10,000     64",
        ]

    def test_ends_after_some(self) -> None:
        lines = self.lines(FRONT + 3)
        assert len(lines) == 3 + FRONT + 1
        assert lines[-1] == "… and 3 more, in pareto.csv"


class TestSeeds:
    def lines(self, configurations: int) -> list[str]:
        trials = [
            replace(
                trial(2 * n + seed, State.COMPLETE, 0.5, 0.8 + n / 1000 + seed / 10),
                params={"model.width": 64 + n, "seed": seed},
            )
            for n in range(configurations)
            for seed in (0, 1)
        ]
        return [line.plain.rstrip() for line in seeds_table(ending(*trials), 80)]

    def test_is_left_out_where_the_seed_was_not_swept(self) -> None:
        assert list(seeds_table(ending(*SIX), 80)) == []

    def test_has_the_mean_and_spread_of_each_configuration(self) -> None:
        lines = self.lines(2)
        assert lines[1].startswith("Over seeds  2 each; best val_accuracy")
        assert lines[3].split()[:3] == ["0.8510", "±", "0.0707"]
        assert lines[2].split() == ["best", "at", "1", "at", "2", "width"]
        assert lines[3].split()[-1] == "65"
        assert lines[4].split()[-1] == "64"

    @pytest.mark.parametrize(
        ("width", "figures"),
        [
            (60, "best"),
            (80, "best at 5 at 40"),
            (120, "best at 5 at 10 at 20 at 40"),
        ],
    )
    def test_shows_what_varies_at_any_width(self, width: int, figures: str) -> None:
        """The batch-norm case study: at 80 columns its table had neither position nor affine."""
        values = {
            "norm": "batch",
            "norm.layers": "every",
            "norm.position": "before",
            "norm.affine": False,
            "norm.momentum": 0.01,
        }
        trials = [
            replace(
                trial(n, State.COMPLETE, *[0.8] * 40),
                params={**(values if n < 2 else {"norm": "none"}), "seed": n % 2},
            )
            for n in range(4)
        ]
        lines = [line.plain for line in seeds_table(ending(*trials), width)]
        assert lines[2].split() == [
            *figures.split(), "norm", "layers", "position", "affine", "momentum",
        ]  # fmt: skip
        assert lines[3].split()[-5:] == ["batch", "every", "before", "false", "0.01"]
        assert max(map(cell_len, lines[2:])) <= width

    def test_ends_after_some(self) -> None:
        assert self.lines(SEEDS + 2)[-1] == "… and 2 more, in seeds.csv"
