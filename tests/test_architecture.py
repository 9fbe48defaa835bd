"""Imports run one way, and each of the big libraries has one door."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("trainers", "sweeps", "cluster")


def module_of(path: Path) -> str:
    """`sweeps/tracking/__init__.py` -> `sweeps.tracking`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(source: str, module: str, package: bool = False) -> set[str]:
    """Every name that a module imports anywhere: in functions and under TYPE_CHECKING too.

    `from a import b` counts as `a.b`, which may be a module.
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")
            above = above[: len(above) - node.level + package] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            found |= {f"{origin}.{alias.name}" for alias in node.names}
    return found


SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
IMPORTS = {
    module_of(path): imported(path.read_text(), module_of(path), path.stem == "__init__")
    for path in SOURCES
}


def below(names: set[str], *tops: str) -> set[str]:
    """Those of the names that are one of these modules, or in one."""
    return {name for name in names if any(f"{name}.".startswith(f"{top}.") for top in tops)}


def importers(top: str) -> set[str]:
    """The modules of ours that import this one or something in it."""
    return {module for module, names in IMPORTS.items() if below(names, top)}


def modules(top: str) -> Iterator[str]:
    """Our modules below a package, and itself."""
    yield from sorted(below(set(IMPORTS), top))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import ray.tune as t, os", {"ray.tune", "os"}),
        ("from ray import tune", {"ray.tune"}),
        ("def f():\n    import wandb", {"wandb"}),
        (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a import b",
            {"typing.TYPE_CHECKING", "a.b"},
        ),
        ("from .sibling import x", {"sweeps.tracking.sibling.x"}),
        ("from .. import study", {"sweeps.study"}),
        ("# import wandb\nx = 'import ray'", set()),
    ],
)
def test_imports_are_found(source: str, expected: set[str]) -> None:
    assert imported(source, "sweeps.tracking.wandb_process") == expected


def test_relative_imports_of_a_package_are_found() -> None:
    assert imported("from .x import y", "sweeps.tracking", package=True) == {"sweeps.tracking.x.y"}


def test_all_three_packages_are_looked_at() -> None:
    assert {
        "trainers.fit",
        "sweeps.backend.ray_tune",
        "sweeps.tracking",
        "cluster.head",
    } <= IMPORTS.keys()
    assert "sweeps.plugin.hydra_plugins.ray_tune_sweeper" in IMPORTS


@pytest.mark.parametrize(
    ("package", "never"),
    [
        ("trainers", ("ray", "wandb", "optuna", "sweeps", "cluster")),
        ("sweeps", ("cluster",)),
        # Pure: numbers and records, which a report or a notebook may use without the services.
        ("sweeps.trials", ("ray", "wandb", "optuna", "torch", "hydra", "sweeps")),
        ("sweeps.stop", ("ray", "wandb", "optuna", "torch", "hydra")),
        ("sweeps.driver.budget", ("ray", "wandb", "optuna", "torch", "hydra")),
        ("sweeps.space", ("ray", "wandb", "optuna", "torch")),
        (
            "sweeps.driver",
            (
                "ray",
                "wandb",
                "optuna",
                "torch",
                "sweeps.backend.ray_tune",
                "sweeps.backend.ray_session",
            ),
        ),
        # What only shows the record does not reach for what makes it.
        (
            "sweeps.console.live",
            ("sweeps.study", "sweeps.backend.ray_tune", "sweeps.driver.driver", "optuna"),
        ),
        (
            "sweeps.console.closing",
            ("sweeps.study", "sweeps.backend.ray_tune", "sweeps.driver.driver", "optuna"),
        ),
        (
            "sweeps.results_folder",
            ("sweeps.study", "sweeps.backend.ray_tune", "sweeps.driver.driver", "optuna"),
        ),
        (
            "sweeps.commands.preview",
            ("sweeps.study", "sweeps.backend.ray_tune", "sweeps.driver.driver"),
        ),
        # A trial's process starts in seconds because it loads none of these.
        ("sweeps.backend.worker", ("ray", "wandb", "optuna", "sweeps.study")),
    ],
)
def test_keeps_to_its_side(package: str, never: tuple[str, ...]) -> None:
    names = list(modules(package))
    assert names, f"{package} is gone: mend this table"
    assert {name: found for name in names if (found := below(IMPORTS[name], *never))} == {}


@pytest.mark.parametrize(
    ("library", "door"),
    [
        ("ray.tune", {"sweeps.backend.ray_tune", "sweeps.bench.rivals"}),  # the latter beside ours
        (
            "optuna.storages",
            {
                "sweeps.search.sampler_memory",
                "sweeps.study.journal_storage",
                "sweeps.study.postgres_storage",
                "sweeps.study.outbox",
            },
        ),
        ("psycopg", {"sweeps.study.storage", "sweeps.study.postgres_storage"}),
    ],
)
def test_has_one_door(library: str, door: set[str]) -> None:
    assert importers(library) == door


def test_only_tracking_knows_wandb() -> None:
    doors = importers("wandb")
    assert doors
    assert doors == below(doors, "sweeps.tracking")


def test_nothing_is_a_heap_of_odds_and_ends() -> None:
    vague = {"utils", "util", "common", "helpers", "misc"}
    assert [name for name in IMPORTS if vague & set(name.split("."))] == []


def test_no_module_outgrows_a_sitting() -> None:
    lengths = {module_of(path): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: lines for name, lines in lengths.items() if lines > 450} == {}
