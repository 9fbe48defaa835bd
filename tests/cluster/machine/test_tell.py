"""What is told reaches the head, the newest word at last; one that is away is asked again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cluster.machine import tell as module
from cluster.machine.tell import Telling
from sweeps.backend.known_head import Head
from tests.sweeps.waiting import until

#: Writes down what it is told, unless there is a file that says that the head is away.
STAND_IN = (
    "import sys; from pathlib import Path; folder, why = Path(sys.argv[1]), sys.argv[2]; "
    "gone = folder / 'gone'; note = folder / 'told'; "
    "(folder / 'asked').touch(); "
    "sys.exit(1) if gone.exists() else note.write_text(why)"
)


@pytest.fixture
def telling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Telling:
    def start(self: Telling, why_not: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", STAND_IN, str(tmp_path), why_not])

    monkeypatch.setattr(Telling, "_start", start)
    return Telling(Head("127.0.0.1:1", "t"), "m1")


def told(telling: Telling) -> bool:
    telling.go_on()
    return telling.is_told


def test_the_newest_word_counts(telling: Telling, tmp_path: Path) -> None:
    assert telling.is_told, "there is nothing to tell"
    telling.tell("its hours are 20-08")
    assert not telling.is_told
    telling.tell("")
    telling.tell("it leaves")
    until(lambda: told(telling))
    assert (tmp_path / "told").read_text() == "it leaves"


def test_a_head_that_is_away_is_asked_again(
    telling: Telling, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_AGAIN_S", 0.01)
    (tmp_path / "gone").touch()
    telling.tell("it leaves")
    until(lambda: told(telling) or (tmp_path / "asked").exists())
    until(lambda: told(telling) or telling._process is None)
    assert not telling.is_told
    (tmp_path / "gone").unlink()
    until(lambda: told(telling))
    assert (tmp_path / "told").read_text() == "it leaves"


def test_what_is_being_told_ends_with_us(telling: Telling) -> None:
    telling.tell("it leaves")
    process = telling._process
    telling.end()
    assert process is not None
    assert process.returncode is not None
