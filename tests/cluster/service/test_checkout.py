"""Which code a machine has is told by what lies there, in a repository or not."""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from cluster.service.checkout import checkout, git
from sweeps import ROOT


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """Some code, in no repository."""
    root = tmp_path / "code"
    for name in ("cluster/a.py", "sweeps/b.py", "sweeps/plugin/door.py", "trainers/c.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"# {name}\n")
    return root


def repository(root: Path) -> None:
    run = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    for words in (["init", "-q"], ["add", "."], [*run, "commit", "-qm", "one"]):
        subprocess.run(["git", "-C", str(root), *words], check=True)


def test_of_this_checkout_versions_and_code_are_told() -> None:
    here = checkout()
    assert here.python == platform.python_version()
    assert here.ray[0].isdigit()
    assert "+" not in here.torch
    assert len(here.code) == 64
    assert here.commit == git(ROOT, "rev-parse", "HEAD").strip()


def test_the_code_is_the_same_in_a_repository_and_outside(code: Path, tmp_path: Path) -> None:
    bare = checkout(code)
    assert bare.commit == ""
    repository(code)
    tracked = checkout(code)
    assert tracked.code == bare.code
    assert len(tracked.commit) == 40
    (code / "sweeps" / "own.py").write_text("# not tracked: of nobody's concern\n")
    (code / "README.md").write_text("no code\n")
    assert checkout(code).code == bare.code
    (code / "trainers" / "c.py").write_text("# changed\n")
    assert checkout(code).code != bare.code
    (code / "trainers" / "c.py").unlink()
    assert checkout(code).code != bare.code, "a file is missing"


def test_code_inside_of_another_repository_is_its_own(code: Path) -> None:
    bare = checkout(code)
    (code.parent / "other.txt").write_text("x")
    shutil.move(code, code.parent / "moved")
    repository(code.parent)
    moved = checkout(code.parent / "moved")
    assert (moved.commit, moved.code) == ("", bare.code)


def test_what_an_installation_has_elsewhere_does_not_count(code: Path) -> None:
    before = checkout(code)
    shutil.rmtree(code / "sweeps" / "plugin")
    assert checkout(code) == before


def test_a_name_of_any_bytes_is_no_hindrance(code: Path) -> None:
    before = checkout(code)
    (code / "sweeps" / "m\udcfcller.py").write_text("x")
    assert checkout(code).code != before.code
