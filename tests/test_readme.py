"""What the README shows can be copied: each part of one's own works, all of them in one sweep."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.checkout_copy import copy_packages

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

#: Path and content of each file that the README shows whole.
FILES = re.findall(r"^```\w+\n# (\S+/\S+\.(?:py|yaml))\n(.*?)^```$", README, re.M | re.S)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout with these files in it."""
    copy = tmp_path_factory.mktemp("checkout")
    copy_packages(copy)
    shutil.copy(ROOT / "pyproject.toml", copy)
    for path, content in FILES:
        assert not (copy / path).exists(), path
        (copy / path).write_text(content, encoding="utf-8")
    return copy


def test_there_is_one_of_each_kind() -> None:
    kinds = Counter(str(Path(path).parent) for path, _ in FILES)
    groups = ("data", "model", "search", "stop", "track")
    assert kinds == Counter(
        [f"conf/{group}" for group in groups]
        + ["trainers/data", "trainers/models", "sweeps/search", "sweeps/stop", "sweeps/tracking"]
    )


def test_ruff_finds_no_fault(checkout: Path) -> None:
    ruff = [sys.executable, "-m", "ruff"]
    paths = [path for path, _ in FILES if path.endswith(".py")]
    for words in (["check"], ["format", "--check", "--diff"]):
        run = subprocess.run([*ruff, *words, *paths], cwd=checkout, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.machines
def test_all_five_run_in_one_sweep(checkout: Path) -> None:
    line = re.search(r'^ {4}make sweep ARGS="(name=own .*)"$', README, re.M)
    assert line is not None
    words = shlex.split(line[1])
    run = subprocess.run(
        [sys.executable, "-m", "sweeps", *words], cwd=checkout, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    folder = checkout / "results" / "own"
    with (folder / "trials.csv").open(encoding="utf-8") as file:
        trials = list(csv.DictReader(file))
    assert len(trials) == 8
    reasons = {trial["state"]: trial["reason"] for trial in trials}
    assert reasons.pop("complete") == ""
    assert not reasons or reasons["stopped"].startswith("floor: below 0.7 at epoch ")
    epochs = [json.loads(line) for line in (folder / "epochs.jsonl").read_text().splitlines()]
    told = Counter(epoch["trial"] for epoch in epochs)
    assert told == {trial["id"]: int(trial["epochs"]) for trial in trials}
    classes = (folder / "diagnosis" / "classes.csv").read_text(encoding="utf-8")
    assert "flat" in classes
    assert "upright" in classes
