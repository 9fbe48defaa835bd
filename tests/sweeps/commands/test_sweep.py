"""What a command line describes is run, previewed, or planned."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from sweeps.backend.ray_session import Ray
from sweeps.checked.sweep import Sweep
from sweeps.commands import preview
from sweeps.commands import sweep as command
from sweeps.config.composition import compose
from sweeps.launch.plan import Plan
from trainers.errors import ConfigError

PLAN = "plan=[{experiment:quickstart,budget:{trials:3}}]"


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done with what was composed, by name; nothing is."""
    names: list[str] = []

    def begin(sweep: Sweep, ray: Ray) -> int:
        names.append(f"begin {sweep.name}")
        return 0

    def show(sweep: Sweep, console: Console) -> None:
        names.append(f"show {sweep.name}")

    def start(plan: Plan, ray: Ray) -> int:
        names.append(f"start {plan.name}")
        return 130

    def show_plan(plan: Plan, console: Console) -> None:
        names.append(f"show plan {plan.name}")

    monkeypatch.setattr(command, "begin", begin)
    monkeypatch.setattr(command.plan, "start", start)
    monkeypatch.setattr(preview, "show", show)
    monkeypatch.setattr(preview, "show_plan", show_plan)
    monkeypatch.setattr(command.plan, "check", lambda plan, _: names.append(f"check {plan.name}"))
    monkeypatch.setattr(
        command.trainable, "check", lambda sweep: names.append(f"check {sweep.name}")
    )
    return names


def start(*words: str) -> None:
    with compose(["space=null", "name=s", *words]) as composition:
        command.start(composition)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("epochs=1,2",), ["begin s"]),
        (("epochs=1,2", "preview=true"), ["show s", "check s"]),
        ((PLAN, "preview=true"), ["show plan s", "check s"]),
    ],
)
def test_one_of_them(words: tuple[str, ...], expected: list[str], done: list[str]) -> None:
    start(*words)
    assert done == expected


@pytest.mark.parametrize("words", [("epochs=1,2",), (PLAN,)])
def test_a_check_shows_nothing(
    words: tuple[str, ...], done: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with compose(["space=null", "name=s", *words]) as composition:
        command.check(composition)
    assert done == ["check s"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("words", [("epochs=1,2",), (PLAN,)])
@pytest.mark.parametrize("name", ["../x", ".", "", "taken"])
def test_a_preview_refuses_the_names_that_a_sweep_refuses(
    name: str, words: tuple[str, ...], tmp_path: Path, done: list[str]
) -> None:
    (tmp_path / "taken" / "trials").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"a plain folder name|exists and is never overwritten"):
        start(*words, "preview=true", f"results={tmp_path}", f"name='{name}'")
    assert done == []


def test_a_code_of_failure_is_that_of_the_program(done: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        start(PLAN)
    assert end.value.code == 130
    assert done == ["start s"]


def test_previous_sweeps_are_looked_for_before_anything(tmp_path: Path, done: list[str]) -> None:
    with pytest.raises(ConfigError, match="from_sweep=old: there is no such sweep"):
        start("epochs=1,2", "from_sweep=old", f"results={tmp_path}")
    assert done == []
