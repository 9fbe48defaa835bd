"""Tables have the columns that others rely on."""

from __future__ import annotations

import json
import math

from sweeps.findings.finding import Importance
from sweeps.report import csv_files
from sweeps.results_folder import Folder
from sweeps.trials import State, TrialRecord
from tests.sweeps.report.records import ACCURACY, KEYS, TRIALS, rows


class TestTrialsFile:
    def test_columns(self, folder: Folder) -> None:
        csv_files.write_trials(folder, TRIALS, KEYS, ACCURACY)
        header = (folder.path / "trials.csv").read_text().splitlines()[0].split(",")
        assert header == [
            "id", "state", "reason", "epochs",
            "optimizer", "optimizer.lr", "model.hidden", "flag",
            "best_epoch", "val_accuracy", "train_loss", "late",
            "seconds", "member", "machine",
        ]  # fmt: skip

    def test_cells(self, folder: Folder) -> None:
        csv_files.write_trials(folder, TRIALS, KEYS, ACCURACY)
        table = rows(folder.path / "trials.csv")
        assert [row["id"] for row in table] == ["0000", "0001", "0002", "0003"]
        assert [row["state"] for row in table] == ["complete", "stopped", "diverged", "running"]
        complete, stopped, diverged, running = table
        # Metrics are those of the best epoch, exact to the last digit.
        assert (complete["best_epoch"], complete["epochs"]) == ("1", "2")
        assert float(complete["val_accuracy"]) == 0.75
        assert float(complete["train_loss"]) == 0.1 + 0.2
        assert complete["late"] == ""
        assert complete["optimizer"] == "sgd"
        assert complete["optimizer.lr"] == "0.1"
        assert json.loads(complete["model.hidden"]) == [8, 16]
        assert (complete["seconds"], complete["member"], complete["machine"]) == (
            "1.235", "me", "atlas"
        )  # fmt: skip
        # A null is not an absent value.
        assert (stopped["optimizer.lr"], stopped["model.hidden"]) == ("null", "")
        assert stopped["reason"] == TRIALS[1].reason
        assert (diverged["best_epoch"], diverged["val_accuracy"]) == ("", "")
        assert running["epochs"] == "0"

    def test_a_boolean_is_written_as_in_yaml(self, folder: Folder) -> None:
        csv_files.write_trials(folder, TRIALS, KEYS, ACCURACY)
        assert rows(folder.path / "trials.csv")[0]["flag"] == "true"

    def test_a_swept_key_that_is_another_column_has_its_own(self) -> None:
        trial = TrialRecord(
            "0000", 0, State.STOPPED, params={"epochs": 30, "seed": 7}, epochs={1: {"lr": 0.1}}
        )
        columns, (row,) = csv_files.trials_table([trial], ("epochs", "seed"), ACCURACY)
        assert len(set(columns)) == len(columns)
        cells = dict(zip(columns, row, strict=True))
        assert (cells["epochs"], cells["space.epochs"], cells["seed"]) == (1, 30, 7)

    def test_of_no_trials(self, folder: Folder) -> None:
        csv_files.write_trials(folder, [], KEYS, ACCURACY)
        assert len((folder.path / "trials.csv").read_text().splitlines()) == 1


def test_importances_have_a_column_for_each_evaluator(folder: Folder) -> None:
    found = [Importance("lr", {"ped_anova": 0.75, "fanova": 0.5}), Importance("m", {"fanova": 0.1})]
    csv_files.write_importances(folder, found)
    assert (folder.path / "importances.csv").read_text().splitlines() == [
        "parameter,ped_anova,fanova",
        "lr,0.75,0.5",
        "m,,0.1",
    ]


def test_no_metric_is_no_number() -> None:
    """A metric that is not a number is written as such, not as an empty cell."""
    trial = TrialRecord(
        "0000", 0, State.COMPLETE, epochs={1: {"val_accuracy": 0.5, "train_loss": math.inf}}
    )
    columns, (row,) = csv_files.trials_table([trial], (), ACCURACY)
    assert row[columns.index("train_loss")] == "inf"
