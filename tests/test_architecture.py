"""Imports run one way: cluster -> sweeps -> trainers, and each third party behind one module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("trainers", "sweeps", "cluster")
    for path in sorted((ROOT / package).rglob("*.py"))
}


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def imported(module: str) -> set[str]:
    """All that a module's source imports, for types only or late as well, in dotted form."""
    path = MODULES[module]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively: write the whole path"
            assert node.module is not None
            # `from sweeps import study` imports sweeps.study.
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def importers(*packages: str) -> Iterator[str]:
    """The modules that import something of these packages."""
    for module in MODULES:
        if any(within(name, *packages) for name in imported(module)):
            yield module


def test_finds_modules_and_imports() -> None:
    assert {"trainers.fit", "sweeps.study", "sweeps.tracking", "sweeps.tracking.wandb_core"} <= set(
        MODULES
    )
    assert "ray.tune" in imported("sweeps.tune")  # or the rules below would hold of nothing
    assert "optuna.importance.BaseImportanceEvaluator" in imported("sweeps.importance")


@pytest.mark.parametrize("module", [m for m in MODULES if within(m, "trainers")])
def test_trainers_know_nothing_of_searching(module: str) -> None:
    forbidden = ("ray", "wandb", "optuna", "sweeps", "cluster")
    assert [name for name in imported(module) if within(name, *forbidden)] == []


def test_sweeps_do_not_know_the_cluster() -> None:
    assert [m for m in importers("cluster") if not within(m, "cluster")] == []


@pytest.mark.parametrize("name", ["records", "stop", "budget", "space"])
def test_what_decides_knows_neither_ray_nor_wandb_nor_optuna(name: str) -> None:
    forbidden = ("ray", "wandb", "optuna")
    assert [n for n in imported(f"sweeps.{name}") if within(n, *forbidden)] == []


def test_one_module_each_knows_a_third_party() -> None:
    assert set(importers("ray.tune")) == {"sweeps.tune"}
    assert set(importers("optuna.storages")) == {"sweeps.study"}
    wandb = set(importers("wandb"))
    assert wandb
    assert [m for m in wandb if not within(m, "sweeps.tracking")] == []


@pytest.mark.parametrize("name", ["progress", "ending", "results", "preview"])
def test_what_shows_does_not_know_what_runs(name: str) -> None:
    engine = ("sweeps.study", "sweeps.tune", "sweeps.driver")
    assert [n for n in imported(f"sweeps.{name}") if within(n, *engine)] == []


def test_nothing_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "common", "helpers", "misc"}
    assert [m for m in MODULES if drawers & set(m.split("."))] == []
