"""Tensors come from .npy, .npz and .pt alike, and nothing is unpickled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trainers.data.dataset import Dataset
from trainers.data.features import Features
from trainers.data.tensors import load
from trainers.errors import DataError

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
Y = np.arange(60) % 3


def read(root: Path | str | None, predicts: str = "classes", **keys: Any) -> Dataset:
    given = {"fraction": 1.0, "split_seed": 0, "validation": 0.25, "test": 0.2, "scaling": "none"}
    return load(str(root) if root else None, predicts, **{**given, **keys})


def write(folder: Path, kind: str, x: Any = X, y: Any = Y, name: str = "data") -> Path:
    """A file or a folder of x and y."""
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "npz":
        np.savez(folder / f"{name}.npz", x=x, y=y)
        return folder / f"{name}.npz"
    if kind == "pt":
        torch.save({"x": torch.from_numpy(x), "y": torch.from_numpy(y)}, folder / f"{name}.pt")
        return folder / f"{name}.pt"
    stem = "" if name == "data" else f"{name}_"
    np.save(folder / f"{stem}x.npy", x)
    np.save(folder / f"{stem}y.npy", y)
    return folder


@pytest.mark.parametrize("kind", ["npz", "pt", "npy"])
def test_all_kinds_give_the_same(kind: str, tmp_path: Path) -> None:
    place = write(tmp_path, kind)
    for root in (place, tmp_path):
        data = read(root, thorough=True)
        assert data.classes == ("0", "1", "2")
        x, y = data.train.batch(torch.arange(3))
        assert isinstance(data.train, Features)
        rows = data.train.rows[:3]
        assert torch.equal(x, torch.from_numpy(X)[rows])
        assert torch.equal(y, torch.from_numpy(Y)[rows])
    assert data.fingerprint == read(write(tmp_path / "b", "npz"), thorough=True).fingerprint
    assert data.fingerprint != read(write(tmp_path / "c", "npz", X + 1), thorough=True).fingerprint


def test_files_of_parts_are_those_parts(tmp_path: Path) -> None:
    write(tmp_path, "npy", X[:40], Y[:40], "train")
    write(tmp_path, "npz", X[40:50], Y[40:50], "valid")
    np.save(tmp_path / "test_x.npy", X[50:])
    data = read(tmp_path)
    assert [len(part) for part in (data.train, data.valid, data.test)] == [40, 10, 10]
    assert not data.test.labelled
    assert torch.equal(data.valid.inputs(torch.arange(10)), torch.from_numpy(X[40:50]))


def test_numbers_may_be_several(tmp_path: Path) -> None:
    one = read(write(tmp_path / "a", "npz", y=X[:, 0]), "numbers").numbers
    assert one is not None
    assert one.names == ("y",)
    two = read(write(tmp_path / "b", "npz", y=X[:, :2]), "numbers").numbers
    assert two is not None
    assert two.names == ("y0", "y1")


@pytest.mark.parametrize(
    ("x", "y", "predicts", "told"),
    [
        (X, Y[:50], "classes", "60 examples and 50 targets"),
        (X, X[:, 0], "classes", "task=regression"),
        (X, Y - 1, "classes", "a label -1"),
        (X, Y * 1000, "classes", "to predict numbers, task=regression"),
        (X, np.zeros(60, dtype=int), "classes", "one class"),
        (X, np.full(60, np.nan), "numbers", "nan or inf"),
        (X[:, 0], Y, "classes", r"and is float32 \(60,\)"),
        (X.astype(object), Y, "classes", "cannot be read"),
        (np.where(X > 2, np.nan, X), Y, "classes", "has nan or inf"),
        (X.astype(str), Y, "classes", "must be numbers"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_line(
    x: Any, y: Any, predicts: str, told: str, tmp_path: Path
) -> None:
    place = write(tmp_path, "npz", x, y)
    with pytest.raises(DataError, match=told) as refused:
        read(place, predicts)
    assert "\n" not in str(refused.value)


class Evil:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return print, ("run",)


def test_nothing_is_unpickled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"x": Evil(), "y": Evil()}, tmp_path / "data.pt")
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path / "data.pt")
    assert capsys.readouterr().out == ""


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    for root, told in (
        (None, "data.root="),
        (tmp_path / "no", "is not there"),
        (tmp_path, "has no train.npz"),
        (__file__, "npz or .pt"),
    ):
        with pytest.raises(DataError, match=told):
            read(root)
    (tmp_path / "data.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path)
