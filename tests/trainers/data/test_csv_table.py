"""A table becomes parts of features and classes or numbers, by way of arrays on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trainers.data import csv_table
from trainers.data.csv_table import here, load
from trainers.data.dataset import Dataset
from trainers.data.features import Features
from trainers.errors import ConfigError, DataError

KEYS: dict[str, Any] = {
    "target": "kind", "predicts": "classes", "ignore": [], "categorical": [], "missing": "refuse",
    "delimiter": ",", "cache": None, "fraction": 1.0, "split_seed": 0, "validation": 0.25,
    "test": 0.2, "scaling": "none",
}  # fmt: skip

TABLE = "size,town,kind\n" + "".join(
    f"{n}.5,{'north' if n % 3 else 'south'},{'rose' if n % 2 else 'lily'}\n" for n in range(40)
)


def write(folder: Path, text: str = TABLE, name: str = "table.csv") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def read(root: Path | None, **keys: Any) -> Dataset:
    return load(root=None if root is None else str(root), **{**KEYS, **keys})


def test_columns_become_features_and_names_are_kept(tmp_path: Path) -> None:
    data = read(write(tmp_path))
    assert data.classes == ("lily", "rose")
    assert data.input_shape == (3,)
    train = data.train
    assert isinstance(train, Features)
    x, y = train.batch(torch.arange(len(train)))
    for (size, north, south), label, row in zip(x.tolist(), y.tolist(), train.rows, strict=True):
        n = int(row)
        assert (size, bool(north), bool(south)) == (n + 0.5, n % 3 > 0, n % 3 == 0)
        assert data.classes[label] == ("rose" if n % 2 else "lily")


def test_numbers_are_predicted_one_or_several(tmp_path: Path) -> None:
    text = "a,b,c\n" + "".join(f"{n},{n * n},{-n}\n" for n in range(30))
    data = read(write(tmp_path, text), target=["b", "c"], predicts="numbers")
    assert data.numbers is not None
    assert (data.classes, data.numbers.names, data.input_shape) == ((), ("b", "c"), (1,))
    x, y = data.valid.batch(torch.arange(len(data.valid)))
    torch.testing.assert_close(data.numbers.restored(y)[:, 0], x[:, 0] ** 2)


def test_a_folder_may_have_all_parts_and_the_test_part_no_target(tmp_path: Path) -> None:
    write(tmp_path, TABLE, "train.csv")
    write(tmp_path, "kind,town,size\nrose,west,3\nlily,south,4\n", "valid.csv")
    write(tmp_path, "size,town\n1,north\n2,south\n3,north\n", "test.csv")
    data = read(tmp_path)
    assert [len(part) for part in (data.train, data.valid, data.test)] == [40, 2, 3]
    x, y = data.valid.batch(torch.arange(2))
    assert x.tolist() == [[3, 0, 0], [4, 0, 1]], "a text of other files is none of the texts"
    assert y.tolist() == [1, 0]
    assert not data.test.labelled


def test_it_is_read_once_until_the_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path)
    keys = {**KEYS, "root": str(path)}
    assert not here(**keys)
    first = read(path)
    assert here(**keys)
    with monkeypatch.context() as patch:
        patch.setattr(csv_table, "columns", None)
        again = read(path, split_seed=1)
        assert read(path).fingerprint == first.fingerprint != again.fingerprint
    write(tmp_path, TABLE.replace("0.5,", "9.25,", 1))
    assert not here(**keys)
    assert read(path).fingerprint != first.fingerprint


def test_arrays_go_where_they_may(tmp_path: Path) -> None:
    read(write(tmp_path / "data"), cache=str(tmp_path / "arrays"))
    assert not (tmp_path / "data" / ".caviar").exists()
    (place,) = (tmp_path / "arrays").iterdir()
    assert np.load(place / "train_x.npy", allow_pickle=False).shape == (40, 3)
    blocked = write(tmp_path / "file", "x")
    with pytest.raises(DataError, match=r"data\.cache"):
        read(tmp_path / "data" / "table.csv", cache=str(blocked))


def test_missing_cells_are_refused_or_filled_in(tmp_path: Path) -> None:
    path = write(tmp_path, TABLE.replace("3.5,south", "NA,", 1))
    with pytest.raises(DataError, match=r"line 5: size is missing .*data\.missing=impute"):
        read(path)
    data = read(path, missing="impute")
    parts = (data.train, data.valid, data.test)
    whole: dict[int, torch.Tensor] = {}
    for part in parts:
        assert isinstance(part, Features)
        inputs = part.inputs(torch.arange(len(part)))
        whole |= {int(row): x for row, x in zip(part.rows, inputs, strict=True)}
    assert isinstance(data.train, Features)
    others = [float(whole[int(row)][0]) for row in data.train.rows if int(row) != 3]
    assert float(whole[3][0]) == pytest.approx(np.mean(others), rel=1e-5)
    assert whole[3][1:].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"target": None}, r"data\.target must name"),
        ({"target": ["kind", "town"]}, "one column"),
        ({"missing": "drop"}, "refuse or impute"),
        ({"delimiter": ""}, r"data\.delimiter"),
        ({"ignore": "town"}, r"data\.ignore=\[town\]"),
        ({"ignore": ["kind"]}, "is the target"),
        ({"target": "kin"}, "did you mean 'kind'"),
        ({"ignore": ["tow"]}, r"data\.ignore.*did you mean 'town'"),
        ({"predicts": "numbers"}, "line 2: kind is 'lily'"),
        ({"ignore": ["size", "town"]}, "nothing to learn from"),
    ],
)
def test_keys_that_do_not_fit_are_refused_in_a_line(
    keys: dict[str, Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=told) as refused:
        read(write(tmp_path), **keys)
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.glob(".caviar/*/meta.json"))


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    for root, told in ((None, "data.root="), (tmp_path / "no", "is not there"),
                       (tmp_path, r"has no train\.csv")):  # fmt: skip
        with pytest.raises(DataError, match=told):
            read(root)
