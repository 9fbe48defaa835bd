"""What is handed in is checked before it queues, and refused in a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cluster.service.checkout import Checkout
from cluster.service.hand_in import checked
from cluster.service.queue import FILE, Queue, Queued
from cluster.service.sweep_check import SweepCheck
from tests.cluster.service.test_queue import Clock, FakeJobs
from trainers.errors import ConfigError

OWN = Checkout("a" * 40, "c0de", "3.11.7", "2.60.0", "2.13.0")


def body(*words: str, **other: Any) -> dict[str, Any]:
    return {"member": "alpha", "words": [*words], "goes_on": "", "code": "c0de", **other}


@pytest.fixture(scope="module")
def check() -> Iterator[SweepCheck]:
    check = SweepCheck()
    yield check
    check.end()


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue(tmp_path / FILE, FakeJobs(), Clock())


def test_it_is_named_after_its_experiment_and_freely(
    tmp_path: Path, queue: Queue, check: SweepCheck
) -> None:
    (tmp_path / "results" / "quickstart").mkdir(parents=True)
    queued = checked(body("budget.trials=4", "results=results"), queue, tmp_path, OWN, check)
    assert queued.sweep == "quickstart-2"
    assert queued.words == ("budget.trials=4", "name=quickstart-2")
    assert queued.results == str(tmp_path / "results")
    queue.add(queued)
    with pytest.raises(ConfigError, match="quickstart-2 is in the queue already"):
        checked(body("name=quickstart-2"), queue, tmp_path, OWN, check)


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (["budget.trials=many"], "budget.trials"),
        (["optimizer.lrr=0.1"], "optimizer.lr"),
        (["name=../x"], "plain folder name"),
        (["name=<b>x</b>"], "plain folder name"),
        (["-m"], "only overrides"),
        (["preview=true"], "make preview"),
        (["data=csv", "task=classes", "data.root=none.csv", "data.target=a"], "none.csv"),
        (["quickstart"], "only overrides"),
        (["study=postgresql://me:secret@host/db"], "a password is not handed in"),
        (["x=" + "y" * 200_000], "too long"),
    ],
)
def test_a_wrong_sweep_is_refused(
    tmp_path: Path, queue: Queue, check: SweepCheck, words: list[str], rule: str
) -> None:
    with pytest.raises(ConfigError, match=rule) as error:
        checked(body(*words), queue, tmp_path, OWN, check)
    assert "secret" not in str(error.value)
    assert not queue.entries


@pytest.mark.parametrize(
    ("other", "rule"),
    [
        ({"member": "a b"}, "MEMBER='a b' must be up to 63 letters"),
        ({"member": "<script>"}, "must be up to 63 letters"),
        ({"member": 7}, "must be text"),
        ({"words": "name=a"}, "must be a list"),
        ({"words": [1]}, "must be a list"),
        ({"code": "other", "commit": "b" * 40}, "other code"),
        ({"goes_on": "none"}, "there is no sweep 'none'"),
        ({"goes_on": "../etc"}, "there is no sweep '../etc'"),
    ],
)
def test_a_wrong_request_is_refused(
    tmp_path: Path, queue: Queue, check: SweepCheck, other: dict[str, Any], rule: str
) -> None:
    with pytest.raises(ConfigError, match=rule):
        checked(body(**other), queue, tmp_path, OWN, check)


def test_one_that_was_stopped_before_it_began_begins_anew(
    tmp_path: Path, queue: Queue, check: SweepCheck
) -> None:
    queue.add(checked(body("budget.trials=4", "name=a"), queue, tmp_path, OWN, check))
    queue.stop("a")
    queued = checked(body(goes_on="a"), queue, tmp_path, OWN, check)
    assert (queued.sweep, queued.words) == ("a", ("budget.trials=4", "name=a"))


def test_what_goes_on_is_given_whole_numbers(tmp_path: Path, queue: Queue) -> None:
    asked: list[Sequence[str]] = []
    folder = tmp_path / "results" / "a"
    folder.mkdir(parents=True)
    (folder / "sweep.yaml").touch()
    with pytest.raises(ConfigError, match="give the whole"):
        checked(body("budget.trials=+4", goes_on="a"), queue, tmp_path, OWN, asked.append)
    queued = checked(body("budget.trials=40", goes_on="a"), queue, tmp_path, OWN, asked.append)
    assert (queued.sweep, queued.words, queued.goes_on) == ("a", ("budget.trials=40",), True)
    assert asked == [["a", "budget.trials=40", f"results={folder.parent}"]]


def test_what_goes_on_keeps_the_trust_that_it_was_given(tmp_path: Path, queue: Queue) -> None:
    words = ("name=a", "activation._target_=mylab.Wavy")
    queue.add(Queued("a", "alpha", words, False, str(tmp_path / "results")))
    queue.stop("a")
    asked: list[Sequence[str]] = []
    folder = tmp_path / "results" / "a"
    folder.mkdir(parents=True)
    (folder / "sweep.yaml").touch()
    queued = checked(body("budget.trials=40", goes_on="a"), queue, tmp_path, OWN, asked.append)
    assert queued.words == ("budget.trials=40", "trust=[mylab]")
    queued = checked(body("trust=[ours]", goes_on="a"), queue, tmp_path, OWN, asked.append)
    assert queued.words == ("trust=[ours]",)
