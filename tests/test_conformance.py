"""Every YAML of every group: it composes, says how to use it, and builds what it names."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

import pytest

from sweeps.composition import compose, plain
from sweeps.sweep import check
from trainers.check import check_arguments

CONF = Path(__file__).resolve().parents[1] / "conf"
FILES = sorted(CONF.glob("*/*.yaml"))
MOST_LINES = 25
#: Arguments that the code supplies when it builds a choice of the group.
SUPPLIED: Mapping[str, tuple[str, ...]] = {
    "search": ("space",),
    "track": ("sweep", "uid", "folder"),
}

every_file = pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}={p.stem}")


def usage(path: Path) -> str:
    """The line that says how to use it: the first comment, but for Hydra's own."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return lines[1] if lines[0] == "# @package _global_" else lines[0]


def arguments(line: str) -> list[str]:
    """The overrides of `# make sweep ARGS="…"`, as a shell would split them."""
    match = re.fullmatch(r'# make (?:sweep|train)(?: ARGS="([^"]*)")?', line)
    assert match, f"{line!r} is not a command to copy"
    return shlex.split(match[1] or "")


def test_all_groups_are_looked_at() -> None:
    groups = {path.parent.name for path in FILES}
    assert groups >= {"experiment", "data", "model", "optimizer", "search", "stop", "track"}
    assert groups == {path.name for path in CONF.iterdir() if path.is_dir()} - {"__pycache__"}


@every_file
def test_composes(path: Path) -> None:
    with compose([f"{path.parent.name}={path.stem}"]) as composition:
        plain(composition.base)
        assert composition.choice(path.parent.name) == path.stem


@pytest.mark.parametrize(
    "path",
    [*FILES, CONF / "sweep.yaml", CONF / "train.yaml"],
    ids=lambda p: str(p.relative_to(CONF)),
)
def test_says_how_to_use_it(path: Path) -> None:
    """Its first line is a command, which composes and makes this choice."""
    words = arguments(usage(path))
    group = path.parent.name
    with compose(words) as composition:
        if path.parent != CONF:
            assert composition.choice(group) == path.stem


@every_file
def test_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@every_file
def test_what_it_names_takes_all_it_gives(path: Path) -> None:
    group = path.parent.name
    with compose([f"{group}={path.stem}"]) as composition:
        node = plain(composition.base)[group]
    if isinstance(node, dict) and "_target_" in node:
        check_arguments(group, node, SUPPLIED.get(group, ()))
    else:
        assert group in ("experiment", "task"), f"{path} names nothing to build"


@pytest.mark.parametrize("name", sorted(path.stem for path in CONF.glob("experiment/*.yaml")))
def test_every_experiment_passes_the_checks(name: str) -> None:
    with compose([f"experiment={name}"]) as composition:
        sweep = check(composition)
    assert sweep.name == name, "its results would go under another name"
    assert sweep.space.parameters
    assert sweep.notes == (), "part of its space is dropped"
