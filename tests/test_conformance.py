"""Every YAML of conf/, found by looking: a new one is tested the day it is added."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.composition import compose, plain
from sweeps.sweep import check
from trainers.check import check_arguments

CONF = Path(__file__).resolve().parents[1] / "conf"
FILES = sorted(CONF.glob("*/*.yaml"))
CHOICES = [(path.parent.name, path.stem) for path in FILES]
EXPERIMENTS = [name for group, name in CHOICES if group == "experiment"]

#: What the code passes to a group's target beside its keys.
SUPPLIED = {
    "model": {"input_shape", "classes", "norm", "activation"},
    "search": {"space", "seed"},
    "track": {"sweep", "uid", "folder"},
}


def test_there_are_some() -> None:
    assert {"task", "data", "model", "norm", "optimizer", "search", "stop", "track"} <= {
        group for group, _ in CHOICES
    }
    assert {"quickstart", "mnist"} <= set(EXPERIMENTS)


@pytest.mark.parametrize(
    "path", [*sorted(CONF.glob("*.yaml")), *FILES], ids=lambda p: str(p.relative_to(CONF))
)
def test_opens_with_the_command_that_runs_it_and_is_short(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    if path.parent.name == "experiment":
        assert lines.pop(0) == "# @package _global_"
    assert lines[0].startswith("# make ")
    if path.parent != CONF and path.stem != "quickstart":  # the default, so not named
        assert f"{path.parent.name}={path.stem}" in lines[0]
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 25


@pytest.mark.parametrize(("group", "choice"), [c for c in CHOICES if c[0] != "experiment"])
def test_composes_and_its_target_takes_its_arguments(group: str, choice: str) -> None:
    with compose(["space=null", f"{group}={choice}"]) as composition:
        assert composition.choice(group) == choice
        node = plain(composition.base)[group]
    if group != "task":
        check_arguments(group, node, SUPPLIED.get(group, ()))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_passes_the_checks(experiment: str) -> None:
    with compose([f"experiment={experiment}"]) as composition:
        sweep = check(composition)
    assert sweep.name == experiment
    assert sweep.config["experiment"] == experiment
    assert sweep.notes == ()
    # What a preset writes it means: nothing of its space is lost on the way.
    assert set(sweep.space.keys) == set(sweep.config["space"])


@pytest.mark.parametrize(
    ("group", "choice"), [c for c in CHOICES if c[0] in ("search", "stop", "track")]
)
def test_a_sweep_passes_with_every_choice(group: str, choice: str) -> None:
    with compose(["space=null", "optimizer.lr=0.1,0.2", f"{group}={choice}"]) as composition:
        assert check(composition).choice(group) == choice
