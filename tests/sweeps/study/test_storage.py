"""Storages that several sweeps share: one driver for each study, and names that are taken."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from sweeps.study import storage
from sweeps.study.open import open_study
from sweeps.study.storage import reach
from sweeps.study.study import Study
from sweeps.study.url import Database, Journal
from tests.sweeps.study.test_study import (
    ACCURACY,
    RANDOM,
    SPACE,
    elsewhere,
    loaded,
    metrics,
    scripted,
)
from trainers.errors import ConfigError


@pytest.fixture
def group(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "group.log")


def opened(group: Journal, name: str, create: bool = False) -> Study:
    return open_study(group, ACCURACY, SPACE, name, create)


def test_several_sweeps_write_to_one_journal_at_a_time(group: Journal) -> None:
    a, b = opened(group, "a", create=True), opened(group, "b", create=True)
    for _ in range(3):
        for study in (a, b):
            trial = study.propose(RANDOM).id
            study.report(trial, 1, metrics(0.5 if study is a else 0.75), "me", "atlas")
    expected = a.trials, b.trials
    a.close()
    b.close()
    for name, trials in zip("ab", expected, strict=True):
        study = opened(group, name)
        assert study.trials == trials
        study.close()


def test_each_of_them_has_one_driver(group: Journal) -> None:
    a = opened(group, "a", create=True)
    process = elsewhere(
        "import sys; from tests.sweeps.study.test_storage import *\n"
        f"study = opened(Journal(Path({str(group)!r})), 'b', create=True)\n"
        "print('open', flush=True); sys.stdin.read()"
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        with pytest.raises(ConfigError, match=rf"study b in .* in use by process {process.pid} on"):
            opened(group, "b")
        with pytest.raises(ConfigError, match=f"study a in .* in use by process {os.getpid()}"):
            opened(group, "a")
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    opened(group, "b").close()
    a.close()


def test_a_name_is_taken_once_and_must_be_known(group: Journal) -> None:
    reach(group, "a")
    assert not group.path.exists()
    opened(group, "a", create=True).close()
    for attempt in (
        lambda: reach(group, "a"),
        lambda: opened(group, "a", create=True),
    ):
        with pytest.raises(ConfigError, match=r"a study a already: .*name=a-2"):
            attempt()
    with pytest.raises(ConfigError, match="has no study b: say with study="):
        opened(group, "b")
    reach(group, "b")


@pytest.mark.parametrize("content", ["#!/bin/sh\n", '{"a": 1}\n', "[]\n", '{"op_code": 0}\n'])
def test_a_file_that_is_no_journal_is_refused_and_left_alone(group: Journal, content: str) -> None:
    group.path.write_text(content)
    for attempt in (
        lambda: reach(group, "a"),
        lambda: opened(group, "a", create=True),
    ):
        with pytest.raises(ConfigError, match=r"group\.log is no study"):
            attempt()
    assert group.path.read_text() == content


def test_a_place_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"cannot be kept in /proc/group\.log \(No such file"):
        reach(Journal(Path("/proc/group.log")), "a")


def test_a_server_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"cannot be used \(.*refused.*\): check host, port"):
        reach(Database("postgresql://nobody@127.0.0.1:1/db", "hush"), "a")


def test_a_study_of_its_own_journal_is_read_by_optuna_among_others(group: Journal) -> None:
    study = opened(group, "a", create=True)
    scripted(study)
    study.close()
    assert len(loaded(group.path).trials) == len(study.trials)


def test_a_study_is_kept_from_drivers_without_being_opened(tmp_path: Path) -> None:
    """Also where it is not there yet; where its folder cannot be written no driver could begin."""
    study = tmp_path / "study.log"
    with storage.alone(study, "s"):
        assert not study.exists()
        with pytest.raises(ConfigError, match="in use by process"), storage.alone(study, "s"):
            pass
    with storage.alone(study, "s"), storage.alone(Journal(study), "s"):
        pass  # a shared journal has a lock for each of its studies
    with storage.alone(tmp_path / "nowhere" / "study.log", "s"):
        pass
