"""What a kill has left is found and ended, and nothing else is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.machine.processes import descendants, end_left, kill, remember, running, started
from tests.sweeps.waiting import until

#: Starts a process of its own that waits, writes its number, and waits.
PARENT = (
    "import subprocess, sys; child = subprocess.Popen(['sleep', '1000']); "
    "open(sys.argv[1], 'w').write(str(child.pid)); child.wait()"
)
#: Remembers a process, and ends.
FORGETFUL = (
    "import sys; from pathlib import Path; from cluster.machine.processes import remember; "
    "remember(Path(sys.argv[1]), int(sys.argv[2]))"
)
ROOT = Path(__file__).parents[3]


@pytest.fixture
def family(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A process, and the number of its child."""
    note = tmp_path / "child"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(note)])
    try:
        until(lambda: note.exists() and note.read_text())
        yield parent, int(note.read_text())
    finally:
        kill([parent.pid, int(note.read_text())])
        parent.wait()


def test_children_are_found_by_name(family: tuple[subprocess.Popen[bytes], int]) -> None:
    parent, child = family
    assert descendants(parent.pid) == [child]
    assert child in descendants(os.getpid())
    assert running(parent.pid, "sleep") == 1
    assert running(parent.pid, "ray::") == 0


def test_what_is_left_of_a_killed_one_is_ended(
    family: tuple[subprocess.Popen[bytes], int], tmp_path: Path
) -> None:
    parent, child = family
    record = tmp_path / "record.json"
    assert end_left(record) == 0, "nothing was written down"
    words = [sys.executable, "-c", FORGETFUL, str(record), str(parent.pid)]
    subprocess.run(words, check=True, cwd=ROOT)
    parent.kill()
    parent.wait()
    assert started(child)
    assert end_left(record) == 1
    assert not started(child)
    assert not record.exists()


def test_what_somebody_looks_after_stays(
    family: tuple[subprocess.Popen[bytes], int], tmp_path: Path
) -> None:
    parent, child = family
    record = tmp_path / "record.json"
    remember(record, parent.pid)
    assert end_left(record) == 0
    assert started(child)


def test_a_number_that_is_another_process_by_now_stays(
    family: tuple[subprocess.Popen[bytes], int], tmp_path: Path
) -> None:
    parent, child = family
    record = tmp_path / "record.json"
    remember(record, parent.pid)
    content = json.loads(record.read_text())
    content["by"] = {"1": "0"}
    content["processes"] = dict.fromkeys(content["processes"], "1")
    record.write_text(json.dumps(content))
    assert end_left(record) == 0
    assert started(child)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"by": 1, "processes": 2}', '{"by": [], "x"'])
def test_a_record_that_is_none_ends_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "record.json").write_text(text)
    assert end_left(tmp_path / "record.json") == 0
