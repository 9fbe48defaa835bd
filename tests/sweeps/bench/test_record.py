"""What a bench leaves behind: medians with their ends, in a file and on the console."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from sweeps.bench.record import MedianOfRuns, counts, rates, show, write


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9))
def test_a_figure_lies_between_its_ends(runs: list[float]) -> None:
    figure = MedianOfRuns.of(runs, "ms")
    assert (figure.low, figure.high) == (min(runs), max(runs))
    assert figure.low <= figure.value <= figure.high


def test_the_file_has_every_figure_and_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write("quick", 3, {"a": MedianOfRuns.of([1.0, 3.0, 2.0], "s")})
    assert path == Path("results/bench/quick.json")
    content = json.loads(path.read_text())
    assert (content["bench"], content["n"]) == ("quick", 3)
    assert content["figures"] == {"a": {"value": 2.0, "low": 1.0, "high": 3.0, "unit": "s"}}
    assert set(content["hardware"]) == {"cpu", "cores", "gpu", "system"}
    assert {"torch", "ray", "optuna"} <= set(content["versions"])


def test_a_figure_is_printed_on_a_line() -> None:
    file = io.StringIO()
    show(
        Console(file=file, width=80), "Training", {"ours": MedianOfRuns(1234.5, 0.1234, 5e6, "1/s")}
    )
    lines = file.getvalue().splitlines()
    assert lines[0].startswith("Training")
    assert lines[-1].split() == ["ours", "1,234", "1/s", "(0.123", "to", "5,000,000)"]


def test_contenders_take_turns_and_the_first_round_does_not_count() -> None:
    turns: list[str] = []

    def work(name: str, things: int) -> int:
        turns.append(name)
        return things

    console = Console(file=io.StringIO())
    per_second = rates(
        {"a": lambda: work("a", 10), "b": lambda: work("b", 1)}, 3, "working", console
    )
    assert turns == ["a", "b"] * 4
    assert {name: len(runs) for name, runs in per_second.items()} == {"a": 3, "b": 3}
    assert all(rate > 0 for runs in per_second.values() for rate in runs)


@given(st.dictionaries(st.sampled_from(["runs", "trials"]), st.integers(1, 10**6)))
def test_options_that_are_not_given_are_as_usual(given: dict[str, int]) -> None:
    usual = {"runs": 3, "trials": 20}
    words = [f"{key}={number}" for key, number in given.items()]
    assert counts(words, usual) == {**usual, **given}
