"""The ablation sheet says of each trial what was changed, and what came of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.findings.finding import Findings
from sweeps.recorded.recorded_sweep import RecordedSweep, read
from sweeps.recorded.remarks import Remark
from sweeps.report.sheet import SheetRow, sheet
from sweeps.results_folder import Folder
from sweeps.trials import Objective, Source, State, TrialRecord
from tests.sweeps.transfer.test_previous_sweeps import LR, run

NOTHING = Findings(())

#: The rows of the course's sheet.
NINETEEN = (
    "title", "name", "data set and share", "context", "layers", "norm", "dropout", "activation",
    "lr", "schedule", "optimizer", "epochs", "batch size", "others", "train loss", "dev loss",
    "dev accuracy", "test accuracy", "what worked / did not",
)  # fmt: skip


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> RecordedSweep:
    """A sweep of four trials that was made up, of two optimizers."""
    where = tmp_path_factory.mktemp("results")
    words = (LR, "optimizer=adamw,sgd", "batch_size=64,128", "search=random")
    run(where, "a", *words, trials=4).close()
    return read(Folder(where / "a"))


def trial(
    number: int, params: Mapping[str, object], *accuracies: float, **more: Any
) -> TrialRecord:
    epochs = {
        epoch: {"train_loss": 1 - value, "val_loss": 2 - value, "val_accuracy": value}
        for epoch, value in enumerate(accuracies, 1)
    }
    known: dict[str, Any] = {
        "state": State.COMPLETE,
        "params": params,
        "epochs": epochs,
        "member": "alpha",
    }
    return TrialRecord(f"{number:04d}", number, **({"state": State.COMPLETE} | known | more))


ALIKE = {"optimizer": "adamw", "optimizer.lr": 0.003, "batch_size": 128}


def of(swept: RecordedSweep, *trials: TrialRecord, **more: Any) -> RecordedSweep:
    """The sweep with other trials, whose folders hold nothing."""
    return replace(swept, trials=trials, _configs={one.id: {} for one in trials}, **more)


def cells(swept: RecordedSweep, name: str, findings: Findings = NOTHING) -> dict[str, Any]:
    made = sheet(swept, findings)
    (row,) = (row for row in made.rows if row.name == name)
    return dict(zip(made.trials, row.values, strict=True))


def test_all_nineteen_rows_are_there_for_a_column_a_trial(swept: RecordedSweep) -> None:
    made = sheet(swept, NOTHING)
    assert {row.name for row in made.rows} == {*NINETEEN, "notes", "state"}
    assert {len(row.values) for row in made.rows} == {len(made.trials)} == {4}
    assert made.trials[0] == made.baseline == "0000"


def test_what_is_equal_everywhere_is_folded_and_comes_last(swept: RecordedSweep) -> None:
    made = sheet(swept, NOTHING)
    folded = [row.folded for row in made.rows]
    assert folded == sorted(folded)
    unfolded = {row.name for row in made.rows if not row.folded}
    assert {"title", "lr", "optimizer", "dev accuracy", "what worked / did not"} <= unfolded
    assert {row.name for row in made.rows if row.folded} >= {"context", "norm", "activation"}
    alone = sheet(of(swept, trial(0, ALIKE, 0.5)), NOTHING)
    assert not any(row.folded for row in alone.rows), "one trial is not equal to anything"


def test_the_baseline_is_first_then_the_best_with_its_repeats(swept: RecordedSweep) -> None:
    repeat = trial(4, ALIKE, 0.7, source=Source("0002", seed=7))
    given = of(
        swept,
        trial(0, ALIKE, 0.5),
        trial(1, ALIKE | {"batch_size": 64}, 0.6),
        trial(2, ALIKE | {"optimizer": "sgd"}, 0.9, 0.8),
        trial(3, {}, state=State.INFEASIBLE, reason="too wide"),
        repeat,
    )
    made = sheet(given, NOTHING)
    assert made.trials == ("0000", "0002", "0004", "0001", "0003")
    assert made.best == "0002"
    assert cells(given, "title")["0004"] == "repeats 0002 with seed 7"
    assert cells(given, "state")["0003"] == "infeasible: too wide"


def test_results_are_those_of_the_best_epoch_and_a_failed_trial_has_none(
    swept: RecordedSweep,
) -> None:
    given = of(
        swept,
        trial(0, ALIKE, 0.5, 0.75, 0.7),
        trial(1, ALIKE, 0.99, state=State.DIVERGED, reason="a loss of nan"),
        trial(2, ALIKE, math.nan),
    )
    assert cells(given, "dev accuracy") == {"0000": 0.75, "0001": None, "0002": None}
    assert cells(given, "train loss")["0000"] == 0.25
    assert cells(given, "epochs")["0000"] == "3 of 40"


def test_what_was_measured_on_the_test_part_is_shown_of_that_trial_alone(tmp_path: Path) -> None:
    run(tmp_path, "a", LR, trials=3).close()
    folder = Folder(tmp_path / "a")
    assert set(cells(read(folder), "test accuracy").values()) == {None}
    folder.summary.write_text(json.dumps({"best": {"trial": "0001", "test_accuracy": 0.875}}))
    assert cells(read(folder), "test accuracy")["0001"] == 0.875
    for damaged in ("{", "[]", '{"best": null}', '{"best": {"trial": 3, "test_accuracy": "x"}}'):
        folder.summary.write_text(damaged)
        assert set(cells(read(folder), "test accuracy").values()) == {None}


def test_remarks_are_shown_with_name_and_day(swept: RecordedSweep) -> None:
    told = (Remark("0001", "=1+1 <script>", "Zoë", 0.0), Remark("0001", "twice", "b", 86400.0))
    notes = cells(replace(swept, remarks=told), "notes")
    assert notes["0001"] == "=1+1 <script> (Zoë, 1970-01-01)\ntwice (b, 1970-01-02)"
    assert notes["0000"] == ""


def test_another_objective_has_a_row_and_its_direction(swept: RecordedSweep) -> None:
    objective = replace(swept.objective, metric="val_r2")
    record = TrialRecord("0000", 0, State.COMPLETE, epochs={1: {"val_r2": 0.5, "val_loss": 1.0}})
    made = sheet(of(swept, record, objectives=(objective,)), NOTHING)
    rows = {row.name: row for row in made.rows}
    assert (rows["dev r2"].values, rows["dev r2"].higher_is_better) == ((0.5,), True)
    assert "test r2" in rows
    assert "dev accuracy" not in rows


def test_each_further_objective_has_a_row_and_its_direction(swept: RecordedSweep) -> None:
    first = swept.trials[0]
    epochs = {e: {**metrics, "parameters": 9226.0} for e, metrics in first.epochs.items()}
    record = replace(first, epochs=epochs)
    objectives = (*swept.objectives, Objective("parameters", maximize=False))
    made = sheet(of(swept, record, objectives=objectives), NOTHING)
    (row,) = [row for row in made.rows if row.name == "parameters"]
    assert (row.values, row.higher_is_better) == ((9226.0,), False)


def test_a_sweep_without_trials_has_an_empty_sheet(swept: RecordedSweep) -> None:
    made = sheet(of(swept), NOTHING)
    assert (made.trials, made.best, made.baseline) == ((), "", "")
    assert len(made.rows) == len(NINETEEN) + 2


@given(st.lists(st.one_of(st.none(), st.floats(-9, 9), st.text(max_size=2)), max_size=30))
def test_colours_go_by_rank(values: list[Any]) -> None:
    up = SheetRow("dev accuracy", tuple(values), higher_is_better=True).tenths()
    down = SheetRow("dev loss", tuple(values), higher_is_better=False).tenths()
    pairs = [(v, t) for v, t in zip(values, up, strict=True) if t is not None]
    assert all(isinstance(value, float) for value, _ in pairs)
    assert [t for _, t in sorted(pairs)] == sorted(t for _, t in pairs)
    if pairs:
        assert max(t for _, t in pairs) == 9
        assert min(t for _, t in pairs) == 0
    if len({v for v in values if isinstance(v, float)}) == 2:
        assert down == tuple(None if tenth is None else 9 - tenth for tenth in up)
    assert SheetRow("lr", tuple(values)).tenths() == (None,) * len(values)


def test_trials_link_to_their_runs_once_the_record_says_where_they_are(
    swept: RecordedSweep,
) -> None:
    def links(known: object) -> dict[str, str]:
        given = of(swept, trial(0, ALIKE, 0.5), trial(1, ALIKE), attributes={"wandb": known})
        return dict(sheet(given, NOTHING).links)

    address = "https://wandb.ai/us/caviar"
    assert links({"project_url": address}) == {"0000": f"{address}/runs/a-{swept.uid}-0000"}
    for known in (None, {}, [], "x", {"project_url": "javascript:alert(1)"}):
        assert links(known) == {}
    assert sheet(swept, NOTHING, {"0001": "https://a.b", "0099": "https://c.d"}).links == {
        "0001": "https://a.b"
    }
