"""The student's study on a few images: it ends, and says what it found; it takes no options."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import optuna
import pytest

from sweeps.bench import plain_optuna


def write_images(root: Path, part: str, count: int) -> None:
    labels = (np.arange(count) % 10).astype(np.uint8)
    images = np.repeat(labels * 25, 28 * 28).reshape(count, 28, 28).astype(np.uint8)
    for name, array in (("images-idx3", images), ("labels-idx1", labels)):
        head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
        (root / f"{part}-{name}-ubyte").write_bytes(head + array.tobytes())


def test_returns_the_figures_that_the_bench_compares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(tmp_path, "train", 500)
    write_images(tmp_path, "t10k", 50)
    for name, value in (("TRIALS", 3), ("EPOCHS", 2), ("BATCHES", 2)):
        monkeypatch.setattr(plain_optuna, name, value)
    verbosity = optuna.logging.get_verbosity()
    try:
        figures = plain_optuna.main(str(tmp_path), seed=0)
    finally:
        optuna.logging.set_verbosity(verbosity)
    assert set(figures) == {"best", "test", "trials", "best_at"}
    assert 0 <= figures["test"] <= 1
    assert figures["trials"] == 3
    ends, bests = zip(*figures["best_at"], strict=True)
    assert list(ends) == sorted(ends)
    assert list(bests) == sorted(bests)
    assert bests[-1] == figures["best"] <= 1
