"""The option of the bench; measuring, by the hour, is done by hand."""

from __future__ import annotations

import pytest

from sweeps.bench.search import SIZES, _most_trials, main
from tests.sweeps.bench.refused import refusal


@pytest.mark.parametrize("words", [["trials=99"], ["trial=100"], ["trials=100", "seeds=3"]])
def test_refuses_a_bad_option(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refusal(main, monkeypatch, capsys, *words) == (
        f"{words[-1]}: this bench takes trials=100 or more"
    )


def test_measures_all_sizes_unless_told_otherwise() -> None:
    assert _most_trials([]) == max(SIZES)
    assert _most_trials(["trials=1000"]) == 1000
