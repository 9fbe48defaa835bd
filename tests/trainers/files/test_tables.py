"""Tables and summaries read back as what was written, by any reader of CSV and JSON."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.files.tables import write_json, write_table


def test_what_is_not_finite_is_an_empty_cell_and_null(tmp_path: Path) -> None:
    write_table(tmp_path / "t.csv", ["a", "b"], [(np.float64("nan"), 0.1 + 0.2), (None, "x,y")])
    assert (tmp_path / "t.csv").read_text() == 'a,b\n,0.30000000000000004\n,"x,y"\n'
    write_json(tmp_path / "s.json", {"a": [float("inf"), np.float64(0.5)], "b": (1, "x")})
    assert json.loads((tmp_path / "s.json").read_text()) == {"a": [None, 0.5], "b": [1, "x"]}


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_read_back_as_the_same_bits(
    value: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("tables")
    write_table(folder / "t.csv", ["a"], [[value], [np.float64(value)]])
    with (folder / "t.csv").open(newline="") as file:
        cells = [float(row["a"]) for row in csv.DictReader(file)]
    assert [cell.hex() for cell in cells] == [value.hex()] * 2
    write_json(folder / "s.json", {"a": value})
    assert json.loads((folder / "s.json").read_text())["a"].hex() == value.hex()


def test_any_name_of_a_class_reads_back(tmp_path: Path) -> None:
    names = ['a "quoted" one', "a,b", "é", "two\nlines", "'"]
    write_table(tmp_path / "t.csv", names, [range(len(names))])
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == [{n: str(i) for i, n in enumerate(names)}]


def test_keys_of_any_kind_are_text_at_every_depth(tmp_path: Path) -> None:
    write_json(tmp_path / "s.json", {"a": {1: {2.5: float("nan")}}})
    assert json.loads((tmp_path / "s.json").read_text()) == {"a": {"1": {"2.5": None}}}


def test_what_json_cannot_hold_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = write_json(tmp_path / "deep" / "s.json", {"a": 1})
    before = path.read_text()
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert path.read_text() == before
    assert list(path.parent.iterdir()) == [path]
