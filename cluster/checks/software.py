"""Check the software of a machine: Python, the pinned packages, and the code's own state."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from cluster.checks.check import Check, fail, ok, warn
from cluster.service.checkout import checkout, git
from sweeps import ROOT

#: The Pythons that the pinned packages exist for.
_OLDEST, _NEWEST = (3, 10), (3, 13)


def python() -> Check:
    """Check which Python runs this, and that it has an environment of its own."""
    version = platform.python_version()
    if not _OLDEST <= sys.version_info[:2] <= _NEWEST:
        return fail("Python", version, "take 3.10 to 3.13: make setup PYTHON=python3.12")
    if sys.prefix == sys.base_prefix:
        return warn("Python", f"{version}, everybody's", "make setup puts packages into .venv")
    return ok("Python", version)


def packages(root: Path = ROOT) -> Check:
    """Check that the packages are those that are pinned."""
    wrong = list(_differing(_pinned(root)))
    if wrong:
        some = ", ".join(wrong[:4]) + (", …" if len(wrong) > 4 else "")
        return fail("packages", some, "make setup; if that does nothing, remove .venv before")
    return ok("packages", "as pinned")


def code(root: Path = ROOT) -> Check:
    """Check whether the code is a commit's, which others can have."""
    commit = checkout(root).commit
    if not commit:
        return ok("code", "no git repository: a head compares the files themselves")
    changed = git(root, "status", "--porcelain", "--untracked-files=no").splitlines()
    if not changed:
        return ok("code", f"commit {commit[:9]}")
    names = ", ".join(line[3:] for line in changed[:3]) + (", …" if len(changed) > 3 else "")
    return warn(
        "code",
        f"commit {commit[:9]}, and changes in {names}",
        "a head with other code refuses this machine: git stash, or commit and share them",
    )


def _pinned(root: Path) -> Sequence[str]:
    """Return what the checkout asks for; where there is none, what the installed package does."""
    try:
        text = (root / "pyproject.toml").read_text(encoding="utf-8")
    except OSError:
        return metadata.requires("caviar-sweeps") or ()
    listed = re.search(r"^dependencies = \[(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    return re.findall(r'^\s*"([^"]+)"', listed[1], re.MULTILINE) if listed else ()


def _differing(pinned: Sequence[str]) -> Iterator[str]:
    for line in pinned:
        wanted = Requirement(line)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            there = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            yield f"{wanted.name} is not installed"
            continue
        if not wanted.specifier.contains(there, prereleases=True):
            yield f"{wanted.name} is {there}, not {wanted.specifier}"
