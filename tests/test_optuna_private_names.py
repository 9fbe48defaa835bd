"""Optuna's private names that are used here: all that an upgrade of Optuna must be held against."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path

import optuna
import pytest

ROOT = Path(__file__).resolve().parents[1]

#: Module of ours -> what it imports of Optuna's private modules, or by a private name.
IMPORTED: dict[str, set[str]] = {
    "sweeps.search.fast_random": {
        "optuna._transform._SearchSpaceTransform",
        "optuna.distributions._get_single_value",
    },
    "sweeps.search.trial_selection": {
        "optuna.samplers._tpe.sampler.default_gamma",
        "optuna.search_space.group_decomposed._GroupDecomposedSearchSpace",
        "optuna.search_space.group_decomposed._SearchSpaceGroup",
    },
    "sweeps.study.journal_repair": {
        "optuna.storages.journal._storage.JournalOperation",
    },
    "sweeps.study.journal_storage": {
        "optuna.storages.journal._file.get_lock_file",
        "optuna.storages.journal._storage.JournalOperation",
        "optuna.storages.journal._storage.JournalStorageReplayResult",
    },
    "sweeps.study.postgres_rows": {
        "optuna.storages._rdb.models",
    },
    "sweeps.study.postgres_storage": {
        "optuna.storages._rdb.models",
        "optuna.storages._rdb.storage._create_scoped_session",
    },
}

#: Module of ours -> private attributes of Optuna's objects (FrozenTrial, samplers, storages).
ATTRIBUTES: dict[str, set[str]] = {
    "sweeps.search.fast_random": {
        "_rng",
    },
    "sweeps.search.sampler_memory": {
        "_contains",
        "_study_id",
        "_trial_id",
    },
    "sweeps.search.sampler_storage": {
        "_get_trial",
        "_lock",
        "_max_trial_id",
        "_prev_waiting_trial_number",
        "_studies",
        "_trial_id",
        "_trial_id_to_study_id_and_number",
        "_update_cache",
    },
    "sweeps.search.samplers": {
        "_find_sample_id",
        "_rng",
    },
    "sweeps.search.trial_selection": {
        "_gamma",
        "_group",
        "_group_decomposed_search_space",
    },
    "sweeps.study.journal_storage": {
        "_backend",
        "_replay_result",
        "_sync_with_backend",
        "_thread_lock",
        "_trials",
        "_worker_id_prefix",
    },
    "sweeps.study.open": {
        "_trial_id",
    },
    "sweeps.study.postgres_storage": {
        "_version_manager",
    },
    "sweeps.study.reader": {
        "_study_id",
    },
    "sweeps.study.storage": {
        "_study_id",
    },
    "sweeps.study.study": {
        "_trial_id",
    },
}


def sources() -> dict[str, ast.Module]:
    paths = sorted((ROOT / "sweeps").rglob("*.py"))
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in paths}
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in names.items()}
    return {name: tree for name, tree in trees.items() if any(_of_optuna(tree))}


def _of_optuna(tree: ast.Module) -> list[str]:
    """The full names that a module imports of Optuna."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return [name for name in names if name.split(".")[0] == "optuna"]


def _private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _written(tree: ast.AST) -> set[str]:
    """Private names that are given a value: methods, and attributes of `self` or another."""
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)  # a field
    return {name for name in names if _private(name)}


def _of_bases(module: str, tree: ast.Module) -> set[str]:
    """Private names by which a class of ours changes the Optuna class that it is derived from."""
    names = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            ours: type = getattr(importlib.import_module(module), node.name)
            for base in ours.__mro__:
                if base.__module__.startswith("optuna."):
                    source = inspect.getsource(base)
                    known = {n for n in _written(node) if f"self.{n}" in source or n in vars(base)}
                    names |= known
    return names


def _of_others(tree: ast.Module) -> set[str]:
    """Private names that are looked up, or set on another object, and are not a module's own."""
    own: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            own |= _written(node)
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and _private(node.attr)
    }
    set_on_others = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and _private(node.attr)
        and not (isinstance(node.value, ast.Name) and node.value.id == "self")
    }
    return (used - own) | set_on_others


def test_the_table_has_every_private_name_and_no_other() -> None:
    imported, attributes = {}, {}
    for module, tree in sources().items():
        if names := {n for n in _of_optuna(tree) if any(map(_private, n.split(".")))}:
            imported[module] = names
        if names := _of_bases(module, tree) | _of_others(tree):
            attributes[module] = names
    assert imported == IMPORTED
    assert attributes == ATTRIBUTES


@pytest.mark.parametrize("name", sorted(set().union(*IMPORTED.values())))
def test_it_is_there_in_the_optuna_that_is_installed(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert hasattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize("name", sorted(set().union(*ATTRIBUTES.values())))
def test_optuna_still_speaks_of_it(name: str) -> None:
    """Instances have it, so that only Optuna's source can tell."""
    folder = Path(optuna.__file__).parent
    assert any(re.search(rf"\b{name}\b", path.read_text()) for path in folder.rglob("*.py"))
