"""Columns and histograms are what W&B takes."""

from __future__ import annotations

from sweeps.tracking import Table
from sweeps.tracking.wandb_media import cells, wandb_histogram, wandb_table
from trainers.files.histograms import Histogram


def test_a_column_is_numbers_or_text() -> None:
    assert cells([0.1, None, 2]) == [0.1, None, 2]
    assert cells([0.1, "adam", None]) == ["0.1", "adam", None]
    assert cells([float("nan"), 1.0]) == [None, 1.0]
    assert cells([True, False]) == ["True", "False"]


def test_a_table_has_a_column_of_one_type_each() -> None:
    table = wandb_table(Table(("id", "value"), (("0000", 0.5), ("0001", float("nan")))))
    assert table.columns == ["id", "value"]
    assert table.data == [["0000", 0.5], ["0001", None]]


def test_a_histogram_keeps_its_counts_and_edges() -> None:
    shown = wandb_histogram(Histogram(low=0.0, high=1.0, counts=(1, 3)))
    assert list(shown.histogram) == [1, 3]
    assert list(shown.bins) == [0.0, 0.5, 1.0]
