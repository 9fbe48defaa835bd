"""Tell which code and which versions a machine has: a head and those who join have the same."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from sweeps import ROOT

#: What a machine runs of ours. Hydra's door lies elsewhere once it is installed; no trial uses it.
_PACKAGES = ("cluster", "sweeps", "trainers")
_ELSEWHERE = "sweeps/plugin/"


@dataclass(frozen=True)
class Checkout:
    """Describes the code and the versions of a machine.

    Attributes:
        commit: of the checkout; empty where the code is no repository of its own.
        code: sha256 over the code that is there, whatever the commit says.
        torch: without what it was built for: +cpu and +cu130 may train side by side.
    """

    commit: str
    code: str
    python: str
    ray: str
    torch: str


def checkout(root: Path = ROOT) -> Checkout:
    """Look at the code in a folder, and at the versions of this process."""
    return Checkout(
        commit=git(root, "rev-parse", "HEAD").strip() if _is_repository(root) else "",
        code=_code(root),
        python=platform.python_version(),
        ray=metadata.version("ray"),
        torch=metadata.version("torch").partition("+")[0],
    )


def git(root: Path, *words: str) -> str:
    """Return what git says of a folder; empty where it refuses, or is not installed."""
    try:
        answer = subprocess.run(["git", "-C", str(root), *words], capture_output=True, check=False)
    except OSError:
        return ""
    return os.fsdecode(answer.stdout) if answer.returncode == 0 else ""


def _is_repository(root: Path) -> bool:
    """Whether a folder is a repository, not only unpacked inside of another one."""
    top = git(root, "rev-parse", "--show-toplevel").rstrip("\n")
    return bool(top) and Path(top).resolve() == root.resolve()


def _code(root: Path) -> str:
    """Return the sha256 of all code: that git tracks, else what is there."""
    total = hashlib.sha256()
    for name in sorted(set(_files(root))):
        path = root / name
        if name.endswith(".py") and not name.startswith(_ELSEWHERE) and path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{name}\0{content}\n".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def _files(root: Path) -> Iterator[str]:
    if _is_repository(root):
        yield from git(root, "ls-files", "-z", "--", *_PACKAGES).split("\0")
        return
    for package in _PACKAGES:
        yield from (path.relative_to(root).as_posix() for path in (root / package).rglob("*.py"))
