"""A rival trains as often as asked, and says how long; the comparison itself is made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.bench import rivals


def test_optuna_tells_its_seconds(tmp_path: Path) -> None:
    assert 0 < rivals.CONTENDERS["Optuna"](tmp_path, 2) < 300


def test_a_failure_shows_the_end_of_its_output(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="rivals optuna many failed:") as failure:
        rivals._run(["sweeps.bench.rivals", "optuna", "many"])
    assert "invalid literal" in str(failure.value)
