"""A part that fails by an error of ours is one line, once; what the person can mend is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.page.problems import attempt
from sweeps.results_folder import Folder
from trainers.errors import ConfigError

FOLDER = Folder(Path("results/a"))


def test_a_part_is_made_or_is_a_line() -> None:
    lines: list[str] = []
    assert attempt("a part", lambda: 7, 0, FOLDER, lines) == 7
    assert lines == []

    def broken() -> int:
        raise ZeroDivisionError("postgresql://me:hunter2@host/db\nby zero")

    assert [attempt("a part", broken, 0, FOLDER, lines) for _ in range(2)] == [0, 0]
    (line,) = lines
    assert line.startswith("a part could not be made (ZeroDivisionError: postgresql://me:")
    assert "hunter2" not in line
    assert line.endswith("with results/a/sweep.yaml and results/a/study.log")


def test_what_the_person_can_mend_is_refused() -> None:
    def refused() -> int:
        raise ConfigError("mend it")

    with pytest.raises(ConfigError, match="mend it"):
        attempt("a part", refused, 0, FOLDER, [])
