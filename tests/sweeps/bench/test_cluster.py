"""The cluster's benchmark takes its parts, and refuses others, before it starts anything."""

from __future__ import annotations

import pytest

from sweeps.bench.cluster.__main__ import PARTS, main, parts_of
from tests.sweeps.bench.refused import refusal


@pytest.mark.parametrize("word", ["seeds=3", "runs=0", "epochs=-1"])
def test_refuses_a_bad_option(
    word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    message = f"{word}: this benchmark takes runs=3"
    assert refusal(main, monkeypatch, capsys, word) == message


def test_refuses_a_part_that_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    message = refusal(main, monkeypatch, capsys, "parts=growth,speed")
    assert message == "parts=growth,speed: this benchmark has growth, fairness, streaming, arbiter"


def test_takes_all_parts_or_those_that_are_named() -> None:
    assert parts_of(["runs=2"]) == ([*PARTS], ["runs=2"])
    assert parts_of(["parts=arbiter,growth"]) == (["arbiter", "growth"], [])
