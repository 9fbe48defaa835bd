"""The package `sweeps` is a map of itself, and tells a reader who wanted another package."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

import sweeps
import sweeps.search
from trainers.config.targets import locate
from trainers.errors import ConfigError


def test_the_map_lists_every_package_and_module() -> None:
    assert sweeps.__doc__ is not None
    listed = set(re.findall(r"^    ([\w.]+)/?  +\S", sweeps.__doc__, flags=re.MULTILINE))
    folder = sweeps.ROOT / "sweeps"
    packages = {path.parent.name for path in folder.glob("*/__init__.py")} | {"plugin"}
    modules = {path.name for path in folder.glob("*.py")} - {"__init__.py"}
    assert listed == packages | modules


def test_who_wanted_the_package_of_wandb_is_told_what_to_do() -> None:
    with pytest.raises(AttributeError, match=r"no RunState; .*wandb\[sweeps\].*environment of its"):
        sweeps.RunState  # noqa: B018


def test_a_misspelt_package_is_still_hinted_at() -> None:
    with pytest.raises(ConfigError, match="did you mean 'search'"):
        locate("search", {"_target_": "sweeps.serach.Grid"})


def test_importing_it_loads_nothing_else() -> None:
    """It is on the way of a trial's process, which is to start fast."""
    code = (
        "import pathlib, sys; before = set(sys.modules); import sweeps; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=sweeps.ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout.split() == ["sweeps"]
