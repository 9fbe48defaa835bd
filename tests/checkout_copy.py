"""Copies of this checkout, to be changed or run elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("cluster", "conf", "sweeps", "trainers")


def copy_packages(to: Path) -> None:
    """With what Python has compiled of them, so that no process compiles it again."""
    half_written = shutil.ignore_patterns("*.pyc.*")  # by another process of the tests
    for package in PACKAGES:
        shutil.copytree(ROOT / package, to / package, ignore=half_written)
