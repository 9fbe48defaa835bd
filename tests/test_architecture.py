"""The layers of the house hold: imports run one way, big libraries have doors, sizes have limits.

Every import counts, inside functions and under TYPE_CHECKING too.
"""

from __future__ import annotations

import ast
import os
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from sweeps import ROOT as SHIPPED
from sweeps.backend.known_head import FOLDER

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("trainers", "sweeps", "cluster")

#: Units of sweeps/, the lower ones first: a unit imports only from lines above its own.
LAYERS = (
    ("trials", "redaction", "timeline", "private_folder"),
    ("space", "formatting"),
    ("results_folder", "tracking"),
    ("stop", "repeats", "config"),
    ("search", "cli"),
    ("study",),
    ("recorded",),
    ("driver",),
    ("checked", "backend"),
    ("transfer", "findings"),
    ("report", "simulation", "figures"),
    ("console", "page"),
    ("launch", "bench"),
    ("commands",),
    ("__main__", "plugin"),
)

#: Libraries that take long to load: imported where they are used, inside a function if need be.
HEAVY = ("torch", "ray", "wandb", "sklearn", "scipy", "matplotlib", "plotly", "optuna", "psycopg")
#: Modules of ours that are the door to one of these, and are imported as late as these are.
DOORS = ("sweeps.backend.ray_tune", "sweeps.study.postgres_storage")
#: Hydra loads its plugins whenever it composes anything: this one loads the rest once it is used.
LATE = ("sweeps.plugin.hydra_plugins.ray_tune_sweeper",)

#: The one package of sweeps/ that is above cluster/: it measures it.
MEASURES = "sweeps.bench.cluster"

MOST_MODULES = 14  # a folder
MOST_LINES = 400  # a module
LONGEST_FUNCTION = 60  # lines
LONGEST_SUMMARY = 90  # characters of a docstring's first line
MOST_PARAMETERS = 8  # beside self

#: Signatures that a caller fills by name from a YAML: each argument is a key of the group.
FILLED_FROM_YAML = {
    "sweeps.tracking.wandb_tracker.WandbTracker.__init__",
    "trainers.data.csv_table.load",
    "trainers.data.phonemes.hw1p2.load",
    "trainers.data.phonemes.legacy.load",
    "trainers.data.phonemes.libriphone.load",
    "trainers.data.phonemes.synthetic.load",
    "trainers.models.mlp.MLP.__init__",
}


def module_of(path: Path) -> str:
    """`sweeps/tracking/__init__.py` -> `sweeps.tracking`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(node: ast.AST, module: str, package: bool = False) -> set[str]:
    """Every name that is imported anywhere in a piece of source.

    `from a import b` counts as `a.b`, which may be a module.
    """
    names = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import):
            names |= {alias.name for alias in inner.names}
        elif isinstance(inner, ast.ImportFrom):
            above = module.split(".")
            above = above[: len(above) - inner.level + package] if inner.level else []
            origin = ".".join([*above, *([inner.module] if inner.module else [])])
            names |= {f"{origin}.{alias.name}" for alias in inner.names}
    return names


PATHS = {
    module_of(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))
}


@cache  # not as this module is imported: each of xdist's processes does so
def trees() -> dict[str, ast.Module]:
    """Each of our modules, parsed."""
    return {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in PATHS.items()}


@cache
def imports() -> dict[str, set[str]]:
    """What each of our modules imports."""
    return {
        module: imported(tree, module, PATHS[module].stem == "__init__")
        for module, tree in trees().items()
    }


def below(names: set[str], *tops: str) -> set[str]:
    """Those of the names that are one of these modules, or in one."""
    return {name for name in names if any(f"{name}.".startswith(f"{top}.") for top in tops)}


def importers(top: str) -> set[str]:
    """The modules of ours that import this one or something in it."""
    return {module for module, names in imports().items() if below(names, top)}


def modules(top: str) -> Iterator[str]:
    """Our modules below a package, and itself."""
    yield from sorted(below(set(imports()), top))


def ours(names: set[str]) -> set[str]:
    """The modules of ours that these imported names are, or are in."""
    owners = set()
    for name in names:
        while name and name not in PATHS:
            name = name.rpartition(".")[0]
        owners.add(name)
    return owners - {"", "sweeps", "trainers", "cluster"}


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Every function and method, by its dotted name."""

    def inside(node: ast.AST, name: str) -> Iterator[tuple[str, ast.FunctionDef]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                dotted = f"{name}.{child.name}"
                if isinstance(child, ast.FunctionDef):
                    yield dotted, child
                yield from inside(child, dotted)
            else:
                yield from inside(child, name)

    for module, tree in trees().items():
        yield from inside(tree, module)


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
    assert imported(ast.parse(source), "sweeps.tracking.wandb_process") == expected


def test_relative_imports_of_a_package_are_found() -> None:
    tree = ast.parse("from .x import y")
    assert imported(tree, "sweeps.tracking", package=True) == {"sweeps.tracking.x.y"}


def test_all_packages_are_looked_at() -> None:
    looked = {module.split(".")[1] for module in PATHS if module.startswith("sweeps.")}
    assert looked == {unit for line in LAYERS for unit in line}
    assert {"trainers.fit", "cluster.head", *LATE, *DOORS} <= PATHS.keys()
    assert len(dict(functions())) > 500


def test_packages_import_one_way() -> None:
    names = {top: set().union(*(imports()[m] for m in modules(top))) for top in PACKAGES}
    assert below(names["trainers"], "sweeps", "cluster") == set()
    assert {m for m in modules("sweeps") if below(imports()[m], "cluster")} <= {*modules(MEASURES)}


def test_units_import_from_the_layers_below_their_own() -> None:
    level = {unit: number for number, line in enumerate(LAYERS) for unit in line}
    wrong = [
        f"{module} imports {other}"
        for module in modules("sweeps")
        for other in sorted(ours(imports()[module]))
        if module != "sweeps" and other.startswith("sweeps.")
        for one, under in [(module.split(".")[1], other.split(".")[1])]
        if one != under and level[under] >= level[one]
    ]
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    left = {module: ours(names) - {module} for module, names in imports().items()}
    while leaves := {module for module, needs in left.items() if not needs & left.keys()}:
        left = {module: needs for module, needs in left.items() if module not in leaves}
    assert left.keys() == set(), "what is left imports itself, by whatever way"


def test_imports_of_sweeps_inside_functions_are_of_the_doors() -> None:
    late = {
        name
        for name, function in functions()
        for other in ours(imported(function, name))
        if other.startswith("sweeps.") and other not in DOORS and not name.startswith(LATE)
    }
    assert late == set()


@pytest.mark.parametrize(
    ("package", "never"),
    [
        ("trainers", ("ray", "wandb", "optuna")),
        # Pure: numbers and records, which a report or a notebook may use without the services.
        ("sweeps.trials", ("ray", "wandb", "optuna", "torch", "hydra", "sweeps")),
        ("sweeps.stop", ("ray", "wandb", "optuna", "torch", "hydra")),
        ("sweeps.driver", ("ray", "wandb", "torch")),
        ("sweeps.driver.budget", ("ray", "wandb", "optuna", "torch", "hydra")),
        ("sweeps.space", ("ray", "wandb", "optuna", "torch")),
        # What only shows the record does not reach for what makes it.
        ("sweeps.console", ("sweeps.study", "sweeps.backend", "sweeps.driver.driver", "optuna")),
        # A trial's process starts in seconds because it loads none of these.
        ("sweeps.backend.worker", ("ray", "wandb", "optuna", "rich", "hydra", "sweeps.study")),
    ],
)
def test_keeps_to_its_side(package: str, never: tuple[str, ...]) -> None:
    names = list(modules(package))
    assert names, f"{package} is gone: mend this table"
    assert {name: wrong for name in names if (wrong := below(imports()[name], *never))} == {}


@pytest.mark.parametrize("package", ["sweeps", "sweeps.backend", "sweeps.repeats"])
def test_packages_on_the_way_of_a_trials_process_load_nothing(package: str) -> None:
    assert imports()[package] <= {"pathlib.Path"}


@pytest.mark.parametrize(
    ("library", "doors"),
    [
        ("ray", ("sweeps.backend", "sweeps.bench.rivals", "sweeps.bench.cluster", "cluster")),
        (
            "ray.tune",
            ("sweeps.backend.ray_tune", "sweeps.backend.ready_workers", "sweeps.bench.rivals"),
        ),
        ("wandb", ("sweeps.tracking",)),
        (
            "wandb_workspaces",
            ("sweeps.report.wandb_report", "sweeps.report.wandb_report_blocks"),
        ),
        ("psycopg", ("sweeps.study",)),
        ("optuna.storages", ("sweeps.study", "sweeps.search.sampler_storage")),
    ],
)
def test_has_its_doors(library: str, doors: tuple[str, ...]) -> None:
    users = importers(library)
    assert users
    assert users == below(users, *doors)


def test_nothing_is_a_heap_of_odds_and_ends() -> None:
    vague = {"utils", "util", "common", "helpers", "misc"}
    assert [name for name in imports() if vague & set(name.split("."))] == []


def test_folders_are_small() -> None:
    folders = Counter(path.parent for path in PATHS.values() if path.stem != "__init__")
    large = {str(f.relative_to(ROOT)): n for f, n in folders.items() if n > MOST_MODULES}
    assert large == {}


def test_modules_are_short() -> None:
    lengths = {module: len(path.read_text().splitlines()) for module, path in PATHS.items()}
    assert {module for module, lines in lengths.items() if lines > MOST_LINES} == set()


def test_functions_are_short() -> None:
    lengths = {name: f.end_lineno - f.lineno + 1 for name, f in functions() if f.end_lineno}
    assert {name for name, lines in lengths.items() if lines > LONGEST_FUNCTION} == set()


def test_functions_take_few_arguments() -> None:
    def count(function: ast.FunctionDef) -> int:
        names = [a.arg for a in (*function.args.args, *function.args.kwonlyargs)]
        return len(names) - (names[:1] in (["self"], ["cls"]))

    assert {n for n, function in functions() if count(function) > MOST_PARAMETERS} == (
        FILLED_FROM_YAML
    )


@pytest.mark.parametrize("package", ["sweeps", "trainers"])
def test_a_class_name_is_used_once(package: str) -> None:
    names = Counter(
        node.name
        for module in modules(package)
        for node in trees()[module].body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert {name for name, times in names.items() if times > 1} == set()


def test_docstrings_begin_with_a_verb_and_are_short() -> None:
    """No article, pronoun or question is one; `Whether` stands for `Return whether`."""
    no_verb = "A An The This That Its It What Who Why How Where When Which Those Each One None"
    wrong = []
    for module, tree in trees().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                continue
            first, *_ = (ast.get_docstring(node) or "Say").splitlines()
            if first.split()[0].strip(",:") in no_verb.split() or len(first) > LONGEST_SUMMARY:
                wrong.append(f"{module}: {first}")
    assert wrong == []


def test_every_module_has_its_mirror_in_the_tests() -> None:
    tested = {str(path.relative_to(ROOT / "tests")) for path in (ROOT / "tests").rglob("test_*.py")}
    bare = {
        module
        for module, path in PATHS.items()
        if path.stem not in ("__init__", "__main__")
        and str(path.relative_to(ROOT).with_name(f"test_{path.name}")) not in tested
    }
    assert bare == set()


def test_the_packages_that_are_installed_are_those_there_are() -> None:
    listed = re.search(r"^packages = \[(.*?)\]", (ROOT / "pyproject.toml").read_text(), re.M | re.S)
    assert listed
    there = {module for module, path in PATHS.items() if path.stem == "__init__"}
    assert set(re.findall(r'"([\w.]+)"', listed[1])) == {*there, "conf", "hydra_plugins"}


def test_the_root_is_the_checkout() -> None:
    assert SHIPPED == ROOT
    assert (SHIPPED / "conf" / "sweep.yaml").is_file(), "Ray would ship another folder"
    assert os.environ.get("CAVIAR_CLUSTER") or FOLDER.parent == ROOT, "git would see the token"
