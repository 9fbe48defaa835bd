"""Every YAML of every group: it composes, says how to use it, and builds what it names."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from sweeps.checked.check import check
from sweeps.config.composition import compose
from sweeps.config.keys import plain
from sweeps.launch.stages import checked, stages
from trainers.config.targets import check_arguments
from trainers.measures.measure import OWN_KEYS as METRIC_KEYS
from trainers.schedules.build_schedule import OWN_KEYS

CONF = Path(__file__).resolve().parents[1] / "conf"
FILES = sorted(CONF.glob("*/*.yaml"))
#: Lines of a file, at most: a choice describes one thing, an experiment lists a space and points.
MOST_LINES = {"experiment": 45}
MOST_LINES_ELSEWHERE = 25
LONGEST_LINE = 100
#: Arguments that the code supplies when it builds a choice of the group.
SUPPLIED: Mapping[str, tuple[str, ...]] = {
    "model": ("input_shape", "classes", "norm", "activation"),
    "search": ("setting", "seed"),
    "track": ("name", "uid", "folder"),
}

#: Keys that the code reads, and the target does not see.
OURS = {
    "model": ("max_parameters",),
    "schedule": OWN_KEYS,
    "metric": METRIC_KEYS,
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
    assert groups >= {
        "experiment",
        "debug",
        "data",
        "model",
        "optimizer",
        "search",
        "stop",
        "track",
    }
    assert groups == {path.name for path in CONF.iterdir() if path.is_dir()} - {"__pycache__"}


@every_file
def test_its_command_composes_and_its_target_takes_all_it_gives(path: Path) -> None:
    """Its first line is a command, which makes this choice: one composition proves both."""
    group = path.parent.name
    with compose(arguments(usage(path))) as composition:
        assert composition.choice(group) == path.stem
        node = plain(composition.base).get(group)
    if isinstance(node, dict) and "_target_" in node:
        given = {key: value for key, value in node.items() if key not in OURS.get(group, ())}
        check_arguments(group, given, SUPPLIED.get(group, ()))
    else:
        nothing = group in ("experiment", "debug", "task") or node == {}
        assert nothing, f"{path} names nothing to build"


@pytest.mark.parametrize("name", ["sweep", "train"])
def test_the_command_of_a_whole_configuration_composes(name: str) -> None:
    with compose(arguments(usage(CONF / f"{name}.yaml"))) as composition:
        plain(composition.base)


@every_file
def test_is_short(path: Path) -> None:
    most = MOST_LINES.get(path.parent.name, MOST_LINES_ELSEWHERE)
    assert len(path.read_text(encoding="utf-8").splitlines()) <= most


def one_line_braces(node: yaml.Node) -> Iterator[int]:
    """The lines (from 1) where a mapping that is not empty is written in braces."""
    if isinstance(node, yaml.MappingNode):
        if node.flow_style and node.value:
            yield node.start_mark.line + 1
        for _, value in node.value:
            yield from one_line_braces(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from one_line_braces(value)


def test_braces_are_found() -> None:
    text = "a: {b: 1}\nc:\n  d: {}\n  e: [1, 2]\n  f:\n    - {g: 1, h: {i: 2}}\n"
    assert list(one_line_braces(yaml.compose(text))) == [1, 6, 6]


@pytest.mark.parametrize("path", [*sorted(CONF.glob("*.yaml")), *FILES], ids=lambda p: p.stem)
def test_is_in_block_style_and_not_wide(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not [line for line in text.splitlines() if len(line) > LONGEST_LINE]
    assert list(one_line_braces(yaml.compose(text))) == []


@pytest.mark.parametrize("name", sorted(path.stem for path in CONF.glob("experiment/*.yaml")))
def test_every_experiment_passes_the_checks(name: str) -> None:
    with compose([f"experiment={name}"]) as composition:
        if composition.base.plan is not None:
            for stage in stages(composition):
                with checked(stage, stage.words([])):
                    pass
            return
        sweep = check(composition)
    assert sweep.name == name, "its results would go under another name"
    assert sweep.messages == (), "part of its space is dropped"
    assert set(sweep.space.keys) == set(sweep.config["space"])


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if path.parent.name in ("search", "stop", "track", "debug")],
    ids=lambda p: f"{p.parent.name}={p.stem}",
)
def test_a_sweep_passes_the_checks_with_it(path: Path) -> None:
    group = path.parent.name
    with compose(["space=null", "optimizer.lr=0.1,0.2", f"{group}={path.stem}"]) as composition:
        assert check(composition).choice(group) == path.stem
