"""The page of sweeps is written where it belongs, or a line says why not."""

from __future__ import annotations

import copy
import json
import math
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from markupsafe import Markup

from sweeps.figures import all_figures
from sweeps.page import page as page_module
from sweeps.page import report_file
from sweeps.page.page import page
from sweeps.page.report_file import find, path_of, review_all, write
from sweeps.page.reviewed import Reviewed
from sweeps.recorded import recorded_sweep
from sweeps.results_folder import Folder
from sweeps.trials import State
from tests.sweeps.transfer.test_previous_sweeps import LR, run
from trainers.errors import ConfigError

#: Parts of a configuration that a report reads.
_LOOKED_AT = ("name", "seed", "epochs", "study", "space", "objectives", "search", "budget")
_LOOKED_AT += ("resources", "repeats", "baseline", "results")


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


def test_what_a_kill_has_left_is_removed_and_what_is_being_written_is_not(
    results: Path, tmp_path: Path
) -> None:
    shutil.copytree(results / "a", tmp_path / "a")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    reviewed = review_all([Folder(tmp_path / "a")])

    def leave(path: Path, age_s: float) -> Path:
        path.write_text("half")
        os.utime(path, (time.time() - age_s,) * 2)
        return path

    for folder, out, name, others in (
        (tmp_path / "a", None, "sheet.xlsx", False),
        (elsewhere, elsewhere / "my [page].html", "my [page].html", True),
    ):
        left = leave(folder / f".tmp_{name}_0a1b2c3d", 3600)
        being_written = leave(folder / f".tmp_{name}_ffffffff", 1)
        other = leave(folder / ".tmp_other_0a1b2c3d", 3600)
        write(reviewed, out)
        assert not left.exists()
        assert being_written.exists()
        assert other.exists() is others, "in a folder of one's own only that of this file goes"


def test_a_folder_that_cannot_be_written_names_another_place(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, text: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(report_file, "write_whole", full)
    with pytest.raises(ConfigError, match=r"cannot be written \(Permission denied\).*out=…"):
        write(review_all(find(results, ["a"])))


@pytest.mark.parametrize("name", ["report.html", "sheet.xlsx", "findings.json"])
def test_a_folder_in_the_place_of_a_file_is_named(results: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(results / "a", tmp_path / "a")
    (tmp_path / "a" / name).unlink(missing_ok=True)  # which another test may have written
    (tmp_path / "a" / name / "kept").mkdir(parents=True)
    with pytest.raises(ConfigError, match=rf"a/{name} cannot be written \(Is a directory\).*out=…"):
        write(review_all([Folder(tmp_path / "a")]))
    assert (tmp_path / "a" / name / "kept").is_dir()
    assert not list((tmp_path / "a").glob(".tmp_*"))


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


def _keys(content: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in content.items() if isinstance(content, dict) else ():
        yield (*path, key)
        yield from _keys(value, (*path, key))


def test_any_damage_of_sweep_yaml_gives_a_report_or_a_line(tmp_path: Path) -> None:
    """Each key in turn has a wrong value; another one each time, and all where findings look."""
    study = run(tmp_path, "a", LR, trials=1, keep_open=True)
    (first,) = study.trials
    study.close()
    folder = Folder(tmp_path / "a")
    stopped = replace(
        first, id="0001", number=1, state=State.STOPPED, reason="asha: 2nd of 2 at epoch 1, …"
    )
    whole = yaml.load(folder.sweep.read_text(), yaml.CSafeLoader)
    wrongs = (None, "x", -1, math.inf, [], {}, True)
    reports, refused = 0, []
    for place, path in enumerate(_keys(whole)):
        everywhere = len(path) == 1 or path[0] != "config" or path[1] in _LOOKED_AT
        for wrong in wrongs if everywhere else (wrongs[place % len(wrongs)],):
            damaged = copy.deepcopy(whole)
            at = damaged
            for key in path[:-1]:
                at = at[key]
            at[path[-1]] = wrong
            folder.sweep.write_text(yaml.dump(damaged, Dumper=yaml.CSafeDumper))
            try:
                read = recorded_sweep.read(folder)
                reviewed = report_file.reviewed_of(replace(read, trials=(first, stopped)))
                page([reviewed])
            except ConfigError as error:
                refused.append(str(error))
            else:
                reports += 1
                assert reviewed.problems == [], (path, wrong)
    assert reports > 100
    assert len(refused) > 50
    assert all(line.count("\n") < 2 for line in refused)


def test_what_fails_is_named_in_a_line_and_the_rest_is_made(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(results / "a", tmp_path / "a")
    folder = Folder(tmp_path / "a")
    write([report_file.review(folder)])
    before = {name: (folder.path / name).read_bytes() for name in KEPT}

    def broken(*args: object) -> None:
        raise ValueError("first\nsecond")

    with monkeypatch.context() as patch:
        for module, name in (
            (report_file, "findings"),
            (report_file, "sheet"),
            (page_module, "origin"),
            (page_module, "trial_data"),
            (page_module, "_lead"),
        ):
            patch.setattr(module, name, broken)
        patch.setattr(all_figures, "_ORDER", (broken, *all_figures._ORDER[:1]))
        reviewed = report_file.review(folder)
        text = write([reviewed]).read_text()
        assert page([reviewed]) == text, "each is said once"
    assert [figure.id for figure in reviewed.figures] == ["curves"]
    parts = [
        line.partition(" could not be made (ValueError: first second): ")
        for line in reviewed.problems
    ]
    assert [part for part, _, _ in parts] == [
        "the findings",
        "the figure broken",
        "the sheet",
        "the part “How this was made” of the page",
        "what the script knows",
        "the head of the page",
    ]
    assert {rest for _, _, rest in parts} == {
        f"please report this line, with {folder.sweep} and {folder.study}"
    }
    assert text.count('<p class="problem">') == len(parts)
    assert {name: (folder.path / name).read_bytes() for name in KEPT} == before
    ids = re.findall(r'<section id="(\w+)"', text)
    assert ids == ["best", "figures"]
    assert "no trial has a score" not in text
    assert "There is no trial yet" not in text


def test_a_file_that_fails_is_named_and_the_others_are_written(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(results / "a", tmp_path / "a")
    for name in KEPT:
        (tmp_path / "a" / name).unlink(missing_ok=True)

    def broken(*args: object) -> None:
        raise KeyError("no column")

    monkeypatch.setattr(report_file, "write_sheet", broken)
    (reviewed,) = review_all([Folder(tmp_path / "a")])
    path = write([reviewed])
    assert path.is_file()
    assert (tmp_path / "a" / "findings.json").is_file()
    (line,) = reviewed.problems
    assert line.startswith("sheet.csv or sheet.xlsx could not be made (KeyError: 'no column')")


def test_what_fails_of_one_sweep_is_there_of_the_other(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = page_module.origin

    def broken(reviewed: Reviewed) -> Markup:
        if reviewed.sweep.name == "a":
            raise ValueError("no origin")
        return whole(reviewed)

    monkeypatch.setattr(page_module, "origin", broken)
    a, b = review_all(find(results, ["plan"]))
    text = page([a, b])
    assert [len(one.problems) for one in (a, b)] == [1, 0]
    _, _, end = text.partition('<section id="origin"')
    assert '<h3 class="sweep">b c</h3>' in end
    assert '<h3 class="sweep">a</h3>' not in end


#: Files of what a test lets fail: they stay as they were.
KEPT = ("findings.json", "importances.csv", "sheet.csv", "sheet.xlsx")
