"""What to run next: commands that compose, with the reason."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sweeps.checked.check import check
from sweeps.config.composition import compose
from sweeps.findings.edges import Advice, Edge
from sweeps.findings.finding import Certainty, Finding, Topic
from sweeps.findings.findings import findings
from sweeps.findings.next_sweep import changed_space
from sweeps.launch.resume import merge
from sweeps.space.dimensions import Choice, Dimension, Interval
from sweeps.trials import State
from tests.sweeps.findings.made_sweeps import drawn, rule, sweep, trial


def advised(made: object) -> dict[str, Finding]:
    return {one.id: one for one in findings(made).about(Topic.NEXT)}  # type: ignore[arg-type]


def words(line: str) -> list[str]:
    """The overrides of a command, as the shell and then make hand them on."""
    args = next(part for part in shlex.split(line) if part.startswith("ARGS="))
    return shlex.split(args.removeprefix("ARGS="))


def test_a_better_space_is_a_command_that_composes(tmp_path: Path) -> None:
    made = sweep(drawn(60, rule), path=tmp_path / "made")
    made = replace(
        made,
        overrides=["experiment=quickstart", 'name="made"', f'results="{tmp_path}"', "epochs=9"],
    )
    told = advised(made)["next-space"]
    assert told.certainty is Certainty.ADVICE
    given = words(told.command)
    assert given[-1] == "name=made-2"
    assert "from_sweep=made" in given
    assert sum(word.startswith("name=") for word in given) == 1
    plain = [word for word in given if not word.startswith("from_sweep=")]
    with compose([*plain, "track=none"]) as composition:
        again = check(composition)
    assert any(key in told.sentence for key in ("lr", "width"))
    lr = {p.key: p.dimension for p in again.space.parameters}["optimizer.lr"]
    assert isinstance(lr, Interval)
    assert lr.log
    assert 1e-4 < lr.low < lr.high <= 1e-1


def test_a_name_that_is_taken_is_passed_over(tmp_path: Path) -> None:
    for name in ("made-2", "made-3"):
        (tmp_path / name).mkdir()
    made = sweep(drawn(60, rule), path=tmp_path / "made-2")
    assert words(advised(made)["next-space"].command)[-1] == "name=made-4"


def test_contenders_are_run_again_and_what_rises_goes_on() -> None:
    told = advised(sweep(drawn(12, lambda p: 0.5, noise=0.05)))
    assert words(told["next-repeats"].command) == ["repeats.top=3", "repeats.seeds=3"]
    assert words(told["next-epochs"].command) == ["epochs=+9"]
    assert merge([], words(told["next-repeats"].command), {"budget": {}, "epochs": 9})
    assert all(one.command.startswith("make extend SWEEP=made") for one in told.values())


def test_single_changes_are_to_be_run_with_seeds() -> None:
    trials = [trial(i, {"a": v}, [0.5, 0.4]) for i, v in enumerate("xyz")]
    made = sweep(trials, {"a": Choice(("x", "y", "z"))}, search="sweeps.search.Ablation")
    told = advised(made)
    assert "seed=1,2,3" in words(told["next-seeds"].command)
    assert "next-repeats" not in told


def test_nothing_is_advised_while_trials_run_or_without_scores() -> None:
    trials = [*drawn(12, lambda p: 0.5), trial(12, {}, [0.1], State.RUNNING)]
    assert advised(sweep(trials)) == {}
    assert advised(sweep([trial(0, {}, [], State.FAILED, reason="x")], {})) == {}


def edges(key: str, *found: tuple[Advice, object]) -> list[Edge]:
    return [Edge(key, advice, value, ()) for advice, value in found]


@pytest.mark.parametrize(
    ("dimension", "found", "told"),
    [
        (Interval(1e-4, 1e-1, log=True), [(Advice.CUT_BELOW, 1.234e-3)],
         "tag(log,interval(0.0012,0.1))"),
        (Interval(1e-4, 1e-2, log=True), [(Advice.RAISE, 9e-3)], "tag(log,interval(0.0001,0.1))"),
        (Interval(16, 256, log=True, integer=True), [(Advice.RAISE, 250)],
         "tag(log,int(interval(16,1024)))"),
        (Interval(16, 256, log=True, integer=True), [(Advice.CUT_ABOVE, 101)],
         "tag(log,int(interval(16,110)))"),
        (Interval(0.0, 0.5), [(Advice.RAISE, 0.5)], "interval(0,0.75)"),
        (Interval(0.2, 0.5), [(Advice.LOWER, 0.21)], "interval(0.1,0.5)"),
        (Interval(0.9, 0.999, log1m=True), [(Advice.CUT_BELOW, 0.9777)],
         "tag(log1m,interval(0.977,0.999))"),
        (Interval(1, 9, integer=True, step=2), [(Advice.RAISE, 9)], None),
        (Choice((128, 256, 512)), [(Advice.RAISE, 512)], "128,256,512,1024"),
        (Choice((3, 5)), [(Advice.RAISE, 5)], "3,5,7"),
        (Choice((1, 2, 3)), [(Advice.LOWER, 1)], None),
        (Choice(("relu", "it's", None)), [(Advice.LEAVE_OUT, "relu")], "\"it's\",null"),
        (Choice((1, True)), [(Advice.LEAVE_OUT, 1)], "true"),
    ],
)  # fmt: skip
def test_spaces_are_written_in_hydras_grammar(
    dimension: Dimension, found: Sequence[tuple[Advice, object]], told: str | None
) -> None:
    changed: Mapping[str, tuple[str, str]] = changed_space({"a.b": dimension}, edges("a.b", *found))
    assert changed.get("a.b", (None,))[0] == told
