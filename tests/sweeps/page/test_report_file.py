"""The page of sweeps is written where it belongs, or a line says why not."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import yaml

from sweeps.page import report_file
from sweeps.page.report_file import find, path_of, review_all, write
from sweeps.results_folder import Folder
from tests.sweeps.transfer.test_previous_sweeps import LR, run
from trainers.errors import ConfigError


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sweeps of different spaces, one with a blank in its name, and a plan of both."""
    where = tmp_path_factory.mktemp("results")
    run(where, "a", LR).close()
    run(where, "b c", LR, "optimizer=adamw,sgd", keep_open=False)
    (where / "plan").mkdir()
    plan = {"version": 1, "overrides": [], "plan": [], "stages": ["a", "b c", "not-yet"]}
    (where / "plan" / "plan.yaml").write_text(yaml.safe_dump(plan))
    return where


def names(results: Path, *given: str) -> list[str]:
    return [folder.path.name for folder in find(results, given)]


def test_names_are_sweeps_several_of_them_or_a_plan(results: Path) -> None:
    assert names(results, "a") == ["a"]
    assert names(results, "b c") == ["b c"], "a blank in a name that there is"
    assert names(results, " a  plan ") == ["a", "b c"], "each once"
    assert names(results, "plan") == ["a", "b c"], "the stages that have begun"
    with pytest.raises(ConfigError, match=r"SWEEP=d: no such sweep in .*there are: a, b c"):
        find(results, ["a d"])


def test_a_page_is_written_whole_in_its_place(results: Path, tmp_path: Path) -> None:
    folders = find(results, ["plan"])
    write(review_all(folders[:1]), tmp_path / "first.html")
    assert not (results / "a" / "sheet.csv").exists(), "with out= nothing else is written"
    assert write(review_all(folders[:1])) == results / "a" / "report.html"
    assert (results / "a" / "sheet.csv").read_text().startswith('"trial","0000",')
    assert json.loads((results / "a" / "findings.json").read_text())["sweep"] == "a"
    write(review_all(folders[:1]), rows=True)
    assert (results / "a" / "sheet.csv").read_text().startswith('"trial","title",')
    assert path_of(folders) == results / "report-a-b c.html"
    assert path_of([Folder(results / (letter * 90)) for letter in "ab"]).name.startswith("report-a")
    both = write(review_all(folders), tmp_path / "new" / "page.html")
    assert "b c/0001" in both.read_text()
    assert write(review_all(folders[:1]), tmp_path) == tmp_path / "report.html"
    assert not list(tmp_path.rglob(".tmp*"))


def test_a_folder_that_cannot_be_written_names_another_place(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, text: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(report_file, "write_whole", full)
    with pytest.raises(ConfigError, match=r"cannot be written \(Permission denied\).*out=…"):
        write(review_all(find(results, ["a"])))


def test_sweeps_without_a_score_have_a_page(tmp_path: Path) -> None:
    run(tmp_path, "one", LR, trials=1).close()
    run(tmp_path, "none", LR, trials=0).close()
    for name, words in (("one", "0000"), ("none", "No trial")):
        assert words in write(review_all(find(tmp_path, [name]))).read_text()


def test_a_moved_folder_without_its_trials_has_a_page(results: Path, tmp_path: Path) -> None:
    shutil.copytree(results / "a", tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "elsewhere" / "trials")
    assert "elsewhere" in write(review_all(find(tmp_path, ["elsewhere"]))).read_text()


def test_no_file_but_a_page_is_replaced(results: Path, tmp_path: Path) -> None:
    reviewed = review_all(find(results, ["a"]))
    notes, pipe, page = tmp_path / "notes", tmp_path / "pipe", tmp_path / "page.html"
    notes.write_text("mine")
    os.mkfifo(pipe)  # as /dev/null is no file
    for place in (notes, pipe):
        with pytest.raises(ConfigError, match=r"is there and is no page of a sweep"):
            write(reviewed, place)
    assert notes.read_text() == "mine"
    assert pipe.is_fifo()
    assert write(reviewed, page) == write(reviewed, page)
