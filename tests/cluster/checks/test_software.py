"""Python, the pinned packages and the code's state, as they are and as they may be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cluster.checks import software
from cluster.checks.check import Verdict


def test_here_all_is_as_it_should_be() -> None:
    assert software.python().verdict is Verdict.OK
    assert software.packages().found == "as pinned"


def test_a_python_that_is_too_new_or_everybodys_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    assert software.python().verdict is Verdict.WARN
    monkeypatch.setattr(software, "_NEWEST", (3, 9))
    assert software.python().verdict is Verdict.FAIL


def test_packages_that_differ_are_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\ndependencies = [\n    "ray[default,tune]==2.0.0", # "old"\n'
        '    "no-such-package==1",\n    "numpy>=1.0",\n'
        "    \"scikit-learn==0.1; python_version < '3'\",\n]\n"
    )
    check = software.packages(tmp_path)
    assert check.verdict is Verdict.FAIL
    assert "ray is 2" in check.found
    assert "not ==2.0.0" in check.found
    assert "no-such-package is not installed" in check.found
    assert "numpy" not in check.found
    assert "scikit-learn" not in check.found
    assert "make setup" in check.remedy


def test_code_of_a_commit_and_with_changes(tmp_path: Path) -> None:
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "sweeps" / "a.py").write_text("1\n")
    assert software.code(tmp_path).found.startswith("no git repository")
    run = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    for words in (["init", "-q"], ["add", "."], [*run, "commit", "-qm", "one"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    assert software.code(tmp_path).verdict is Verdict.OK
    (tmp_path / "sweeps" / "own.py").write_text("not tracked\n")
    assert software.code(tmp_path).verdict is Verdict.OK
    (tmp_path / "sweeps" / "a.py").write_text("2\n")
    changed = software.code(tmp_path)
    assert changed.verdict is Verdict.WARN
    assert "changes in sweeps/a.py" in changed.found
