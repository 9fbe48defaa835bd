"""Classes: cells and marks from the tables of the diagnosis, whatever lies there."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sweeps.figures.classes import classes, confusion
from sweeps.figures.drawing.marks import marks_of
from sweeps.findings.finding import Findings
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.results_folder import Folder
from tests.sweeps.figures.recorded import NASTY, SVG, root, sweep_of, texts, ticks_at, trial
from trainers.files.tables import write_table


def diagnosed(where: Path, names: list[str], counts: list[list[int]]) -> RecordedSweep:
    folder = where / "diagnosis"
    folder.mkdir(exist_ok=True)
    rows = [[name, *row] for name, row in zip(names, counts, strict=True)]
    write_table(folder / "confusion.csv", ["class", *names], rows)
    own = []
    for n, name in enumerate(names):
        precision = counts[n][n] / max(sum(row[n] for row in counts), 1)
        recall = counts[n][n] / max(sum(counts[n]), 1)
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else float("nan")
        own.append([name, sum(counts[n]), precision, recall, f1])
    write_table(folder / "classes.csv", ["class", "examples", "precision", "recall", "f1"], own)
    return replace(sweep_of([trial(0, [0.5])]), folder=Folder(where))


def test_cells_and_mistakes(tmp_path: Path) -> None:
    sweep = diagnosed(tmp_path, ["cat", "dog"], [[8, 2], [1, 9]])
    figure = confusion(sweep, Findings(()), marks_of(sweep))
    assert figure is not None
    image = root(figure)
    cells = {
        "".join(e.itertext()): (float(e.attrib["x"]), float(e.attrib["y"]), e.attrib["class"])
        for e in image.iter(f"{SVG}rect")
    }
    right = cells["cat taken for cat: 8 of 10 (80.0%)"]
    wrong = cells["cat taken for dog: 2 of 10 (20.0%)"]
    assert right[1] == wrong[1], "a row is what examples are"
    assert right[0] < wrong[0]
    assert (right[2], wrong[2]) == ("cell right v9", "cell wrong v9")
    assert figure.rows == [("cat", "dog", "2", "20.0%"), ("dog", "cat", "1", "10.0%")]
    assert figure.sentence.startswith("17 of 20 examples of the validation part are right")


def test_marks_of_a_class(tmp_path: Path) -> None:
    sweep = diagnosed(tmp_path, ["cat", "dog"], [[8, 2], [0, 10]])
    figure = classes(sweep, Findings(()), marks_of(sweep))
    assert figure is not None
    image = root(figure)
    across = ticks_at(image)
    marks = [e for e in image.iter(f"{SVG}rect") if e.get("class") in ("c2", "c3")]
    cat = [float(e.attrib["x"]) + 1.5 for e in marks[:2]]
    assert cat[0] == pytest.approx(across[1], abs=0.3), "precision 1"
    assert cat[1] == pytest.approx(across[0.8], abs=0.3), "recall 0.8"
    assert figure.rows[0] == ("cat", "10", "1.000", "0.800", "0.889")


def test_a_diagnosis_of_another_trial_says_of_which(tmp_path: Path) -> None:
    sweep = diagnosed(tmp_path, ["cat", "dog"], [[8, 2], [1, 9]])
    sweep = replace(sweep, trials=(trial(0, [0.5]), trial(1, [0.7])))
    for of, title, told in (
        ("0000", "0000", "This is 0000, not the best trial: that is 0001 by now."),
        ("0001", "the best", ""),
        ("0009", "the best", ""),
    ):
        (tmp_path / "diagnosis" / "summary.json").write_text(json.dumps({"trial": of}))
        for draw, name in ((confusion, "Confusion matrix"), (classes, "Classes")):
            figure = draw(sweep, Findings(()), marks_of(sweep))
            assert figure is not None
            assert figure.title == f"{name} of {title}"
            assert ("not the best" in figure.sentence) == bool(told)
            assert figure.sentence.endswith(told)


def test_a_share_that_is_not_defined_is_a_dash(tmp_path: Path) -> None:
    sweep = diagnosed(tmp_path, ["cat", "dog"], [[8, 2], [1, 9]])
    rows = [["cat", 10, 0.8, 0.8, 0.8], ["dog", 10, float("nan"), 0.0, 0.0]]
    path = tmp_path / "diagnosis" / "classes.csv"
    write_table(path, ["class", "examples", "precision", "recall", "f1"], rows)
    figure = classes(sweep, Findings(()), marks_of(sweep))
    assert figure is not None
    assert figure.rows[0] == ("dog", "10", "-", "0.000", "0.000")
    assert "precision -, recall 0.000" in figure.svg
    assert "nan" not in figure.svg


def test_forty_classes_without_a_mistake(tmp_path: Path) -> None:
    names = [f"PH{n}" for n in range(40)]
    counts = [[10 * (r == c) for c in range(40)] for r in range(40)]
    sweep = diagnosed(tmp_path, names, counts)
    for draw in (confusion, classes):
        figure = draw(sweep, Findings(()), marks_of(sweep))
        assert figure is not None
        root(figure)
        assert len(figure.svg) < 60_000
        assert set(names) <= set(texts(root(figure)))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"class,a\na,b\n", b"class,a,b\na,1\n"])
def test_what_is_no_table_is_not_drawn(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "diagnosis").mkdir()
    for name in ("confusion.csv", "classes.csv"):
        (tmp_path / "diagnosis" / name).write_bytes(content)
    sweep = replace(sweep_of([trial(0, [0.5])]), folder=Folder(tmp_path))
    assert confusion(sweep, Findings(()), marks_of(sweep)) is None
    assert classes(sweep, Findings(()), marks_of(sweep)) is None


def test_nasty_names_and_empty_classes(tmp_path: Path) -> None:
    names = [name.replace("\ud800", "").replace("\x00", "") for name in NASTY]
    counts = [[(r + c) % 3 * (r != 2) for c in range(6)] for r in range(6)]
    sweep = diagnosed(tmp_path, names, counts)
    for draw in (confusion, classes):
        figure = draw(sweep, Findings(()), marks_of(sweep))
        assert figure is not None
        root(figure)
