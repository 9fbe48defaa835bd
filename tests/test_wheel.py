"""What `pip install .` puts elsewhere is whole, and runs there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.checkout_copy import PACKAGES

ROOT = Path(__file__).resolve().parents[1]

pytest.importorskip("setuptools")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, unpacked; built of a copy, as building writes beside it."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, source / package, ignore=ignored)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", build, str(source)], cwd=source, check=True, capture_output=True
    )
    with zipfile.ZipFile(next(source.glob("*.whl"))) as wheel:
        wheel.extractall(target)
    return target


def test_the_wheel_has_every_file(installed: Path) -> None:
    there = {
        str(path.relative_to(ROOT)).replace("sweeps/plugin/", "")
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".py", ".yaml", ".typed", ".css", ".js")
    }
    assert {path for path in there if not (installed / path).is_file()} == set()
    assert {"conf/sweep.yaml", "sweeps/py.typed", "hydra_plugins/ray_tune_sweeper.py"} <= there


def test_the_installed_packages_run_from_any_folder(installed: Path, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "sweeps", "preview=true"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "what varies" in ran.stdout
    assert "results/quickstart" in ran.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        ({}, "home/.local/state/caviar"),
        ({"XDG_STATE_HOME": "{}/state"}, "state/caviar"),
        ({"CAVIAR_CLUSTER": "ours"}, "ours"),
    ],
)
def test_the_token_of_a_cluster_is_not_among_the_installed_packages(
    installed: Path, tmp_path: Path, given: dict[str, str], folder: str
) -> None:
    unset = ("XDG_STATE_HOME", "CAVIAR_CLUSTER")
    rest = {name: value for name, value in os.environ.items() if name not in unset}
    home = {"HOME": str(tmp_path / "home"), "PYTHONPATH": str(installed)}
    set_ = {name: value.format(tmp_path) for name, value in given.items()}
    ran = subprocess.run(
        [sys.executable, "-c", "from cluster.node import token; print(token(create=True))"],
        cwd=tmp_path,
        env={**rest, **home, **set_},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(ran.stdout.strip()) == tmp_path / folder / "token"
    assert (tmp_path / folder).stat().st_mode & 0o077 == 0
