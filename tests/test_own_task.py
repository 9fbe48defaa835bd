"""docs/own-task.md can be copied from top to bottom: its files written, its commands run."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout_copy import copy_packages

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "own-task.md").read_text(encoding="utf-8")

#: Path and content of each file that the page shows whole.
FILES = re.findall(r"^```\w+\n# (\S+/\S+\.(?:py|yaml))\n(.*?)^```$", PAGE, re.M | re.S)
#: Each line to copy, in order.
COMMANDS = re.findall(r"^ {4}(\S.*)$", re.sub(r"^```.*?^```$", "", PAGE, flags=re.M | re.S), re.M)
#: A target of make -> the module that it runs.
MODULES = {
    "sweep": ["sweeps"],
    "preview": ["sweeps", "preview=true"],
    **{name: [f"sweeps.commands.{name}"] for name in ("train", "diagnose", "predict")},
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout with these files in and beside it."""
    copy = tmp_path_factory.mktemp("own") / "caviar"
    copy_packages(copy)
    shutil.copy(ROOT / "pyproject.toml", copy)
    for path, content in FILES:
        place = copy / path
        assert not place.exists(), path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content, encoding="utf-8")
    return copy


def run(command: str, checkout: Path) -> str:
    """What a line of the page prints."""
    words = shlex.split(command)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    while re.fullmatch(r"[A-Z]+=.*", words[0]):
        name, _, value = words.pop(0).partition("=")
        environment[name] = value
    if words[0] == "make":
        target, *given = words[1:]
        variables = dict(word.partition("=")[::2] for word in given)
        module, *more = MODULES[target]
        sweep = [variables["SWEEP"]] if "SWEEP" in variables else []
        words = ["-m", module, *more, *sweep, *shlex.split(variables.get("ARGS", ""))]
    else:
        assert words.pop(0) in ("python3", ".venv/bin/python")
    ran = subprocess.run(
        [sys.executable, *words], cwd=checkout, env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, f"{command}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


def test_there_is_what_the_page_is_about() -> None:
    places = {str(Path(path).parent) for path, _ in FILES}
    groups = {f"conf/{group}" for group in ("model", "loss", "metric", "experiment")}
    assert places == {"../lab", "../lab/mylab", *groups}
    assert sum("make sweep" in command for command in COMMANDS) == 1
    assert {shlex.split(c)[0] for c in COMMANDS} <= {
        "make", "python3", ".venv/bin/python", "PYTHONPATH=../lab",
    }  # fmt: skip


@pytest.mark.machines
def test_every_command_works_in_the_order_of_the_page(checkout: Path) -> None:
    said = {command: run(command, checkout) for command in COMMANDS}
    text = "\n".join(said.values())
    assert "val_accuracy" in text
    assert "val_r2" in text
    folder = checkout / "results" / "houses"
    best = json.loads((folder / "summary.json").read_text())["best"]
    assert best["value"] > 0.5
    with (folder / "trials.csv").open(encoding="utf-8") as file:
        trials = list(csv.DictReader(file))
    assert len(trials) == 6
    assert all(trial["state"] in ("complete", "stopped") for trial in trials)
    assert {trial["loss"] for trial in trials} == {"mse", "log_cosh"}
    assert "val_within_tenth" in trials[0]
    assert "val_accuracy" not in trials[0]
    with (folder / "submission.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 120
    assert all(5_000 < float(row["price"]) < 400_000 for row in rows)
    drawn = {path.name for path in (folder / "diagnosis").iterdir()}
    assert {"predicted.png", "predicted.csv", "curves.png"} <= drawn
    assert not drawn & {"confusion.png", "classes.csv", "hidden.png"}
