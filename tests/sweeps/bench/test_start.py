"""The parts of a command add up to the whole of it."""

from __future__ import annotations

import pytest

from sweeps.bench.record import counts
from sweeps.bench.start import DEFAULTS, Started, _parts, main
from tests.sweeps.bench.refused import refusal


@pytest.mark.parametrize("word", ["seeds=3", "runs=0", "runs=three", "trials=-1"])
def test_refuses_a_bad_option(
    word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    message = f"{word}: this benchmark takes runs=3 and trials=20"
    assert refusal(main, monkeypatch, capsys, word) == message


def test_takes_its_options_and_else_the_defaults() -> None:
    assert counts([], DEFAULTS) == DEFAULTS
    assert counts(["trials=2", "runs=1"], DEFAULTS) == {"runs": 1, "trials": 2}


def test_a_part_that_a_run_lacks_took_no_time() -> None:
    runs = [Started(3.0, {"a": 1.0, "b": 2.0}, 1.0), Started(4.0, {"a": 1.0, "c": 3.0}, 1.0)]
    assert _parts(runs) == {"  a": [1.0, 1.0], "  b": [2.0, 0.0], "  c": [0.0, 3.0]}
