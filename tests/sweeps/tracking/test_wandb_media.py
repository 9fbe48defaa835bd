"""Columns and histograms are what W&B takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from sweeps.tracking import Table
from sweeps.tracking.wandb_media import cells, shown_files, wandb_histogram, wandb_table
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


@pytest.mark.parametrize("damaged", [b"", b"no picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"])
def test_a_picture_that_cannot_be_read_is_left_out(damaged: bytes, tmp_path: Path) -> None:
    whole, other = tmp_path / "confusion.png", tmp_path / "curves.png"
    Image.new("RGB", (4, 4)).save(whole)
    other.write_bytes(damaged)
    (tmp_path / "a.csv").touch()
    shown = shown_files([other, tmp_path / "a.csv", whole, tmp_path / "gone.png"])
    assert [*shown] == ["pictures/confusion"]
