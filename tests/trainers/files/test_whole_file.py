"""A file is replaced whole: readers see the old one meanwhile, and no failure leaves half."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sweeps.waiting import until
from trainers import pictures
from trainers.files import histograms, history, tables
from trainers.files.histograms import Histogram
from trainers.files.whole_file import replacing, write_whole

ROOT = Path(__file__).resolve().parents[3]


def test_the_old_one_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")
    with replacing(path) as fresh:
        fresh.write_text("half")
        assert path.read_text() == "old"
        fresh.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def tear(path: Path) -> None:
    with replacing(path) as fresh:
        fresh.write_text("half")
        raise ValueError("torn")


def test_after_an_error_all_is_as_before(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(ValueError, match="torn"):
        tear(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_comes_of_an_error_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="early"), replacing(tmp_path / "never"):
        raise ValueError("early")
    assert list(tmp_path.iterdir()) == []


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    with replacing(path) as one, replacing(path) as other:
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one", "the last to finish"
    assert list(tmp_path.iterdir()) == [path]


def test_text_is_utf_8_in_any_locale_and_needs_its_folder(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.txt", "é…\n")
    assert (tmp_path / "a.txt").read_bytes() == "é…\n".encode()
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "absent" / "a.txt", "")
    assert not (tmp_path / "absent").exists()


def draw(path: Path) -> None:
    figure = pictures.canvas(1, 1)
    pictures.save(figure, path)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("metrics.csv", lambda path: history.write(path, {1: {"val_loss": 0.5}})),
        ("t.csv", lambda path: tables.write_table(path, ["a"], [[1]])),
        ("s.json", lambda path: tables.write_json(path, {"a": 1})),
        ("p.png", draw),
        (
            "histograms/epoch_001.json",
            lambda path: histograms.save(path.parents[1], 1, {"w": Histogram(0.0, 1.0, (2,))}),
        ),
    ],
)
def test_whoever_writes_a_file_of_a_training_replaces_it(
    name: str, write: Callable[[Path], object], tmp_path: Path
) -> None:
    """A reader who has opened the old one reads it to its end."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("old")
    with path.open() as opened:
        write(path)
        assert opened.read() == "old"
    assert path.read_bytes() != b"old"
    assert list(path.parent.iterdir()) == [path]


KILLED = """
import sys, time
from pathlib import Path
from trainers import pictures
from trainers.files import histograms, history
from trainers.files import tables
from trainers.files.whole_file import replacing
path = Path(sys.argv[1])
with replacing(path) as fresh:
    fresh.write_text("half")
    path.with_name("writing").touch()
    time.sleep(600)
"""


def test_a_kill_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], cwd=ROOT)
    try:
        until((tmp_path / "writing").exists)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    assert path.read_text() == "old"
    names = {each.name for each in tmp_path.iterdir()} - {"table.csv", "writing"}
    assert all(name.startswith(".tmp_table.csv") for name in names), "which cleaning takes away"
