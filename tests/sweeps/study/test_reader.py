"""A record is read as it stands, and neither the record nor who writes it notices."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sweeps.study.open import open_study
from sweeps.study.reader import read
from sweeps.study.storage import Location
from sweeps.study.study import Study
from sweeps.study.url import Journal
from sweeps.trials import Source, State
from tests.sweeps.study.test_study import ACCURACY, LOSS, RANDOM, SPACE, metrics, opened, scripted
from trainers.errors import ConfigError


@pytest.fixture(params=["own", "shared"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """A sweep's own journal, or one that has another study before it."""
    if request.param == "own":
        return tmp_path / "study.log"
    group = Journal(tmp_path / "group.log")
    open_study(group, ACCURACY, SPACE, "other", create=True).close()
    return group


def created(location: Location) -> Study:
    return open_study(location, ACCURACY, SPACE, "s", create=True)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_trials_in_every_state_are_read_as_their_driver_knows_them(location: Location) -> None:
    study = created(location)
    scripted(study)
    study.derive(study.trials[1].params, Source(study.trials[1].id, epoch=2))
    study.derive(study.trials[1].params, Source(study.trials[1].id, seed=5))
    study.spend(12.5)
    record = read(location, "s", SPACE.values)
    assert list(record.trials) == study.trials
    assert {trial.state for trial in record.trials} == set(State)
    assert (record.objective, record.wall_s) == (ACCURACY, 12.5)
    study.close()
    assert read(location, "s", SPACE.values) == record


def test_nothing_is_locked_made_or_changed(location: Location, tmp_path: Path) -> None:
    study = created(location)
    scripted(study)
    before = contents(tmp_path)
    read(location, "s", SPACE.values)
    assert contents(tmp_path) == before
    trial = study.propose(RANDOM)  # its driver goes on
    study.report(trial.id, 1, metrics(0.5), "me", "atlas")
    assert read(location, "s", SPACE.values).trials[-1] == study.trials[-1]
    study.close()


def test_a_folder_that_cannot_be_written_is_read(location: Location, tmp_path: Path) -> None:
    study = created(location)
    scripted(study)
    study.close()
    for path in tmp_path.iterdir():
        path.chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        assert list(read(location, "s", SPACE.values).trials) == study.trials
    finally:
        tmp_path.chmod(0o755)


@pytest.mark.parametrize("rest", [b"{", b'{"op_code": 4, "worker_id": "x"', b'{"op_code": 4}'])
def test_a_line_that_is_being_written_is_not_read(location: Location, rest: bytes) -> None:
    study = created(location)
    scripted(study)
    study.close()
    path = location if isinstance(location, Path) else Path(str(location))
    with path.open("ab") as file:
        file.write(rest)
    size = os.stat(path).st_size
    assert list(read(location, "s", SPACE.values).trials) == study.trials
    assert os.stat(path).st_size == size


def test_an_epoch_counts_once_its_metrics_are_there(tmp_path: Path) -> None:
    """Its value for Optuna comes after them."""
    path = tmp_path / "study.log"
    study = opened(path)
    study.report(study.propose(RANDOM).id, 1, metrics(0.5), "me", "atlas")
    study.close()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    assert list(read(path, "s", SPACE.values).trials) == study.trials


def test_an_own_journal_is_read_whatever_its_folder_is_called_now(tmp_path: Path) -> None:
    study = opened(tmp_path / "study.log", LOSS)
    study.close()
    assert read(tmp_path / "study.log", "renamed", SPACE.values).objective == LOSS


def test_what_is_not_there_is_said_in_a_line(location: Location, tmp_path: Path) -> None:
    if isinstance(location, Path):
        with pytest.raises(ConfigError, match=r"study\.log cannot be read \(No such file"):
            read(location, "s", SPACE.values)
        location.touch()
    with pytest.raises(ConfigError, match="has no study s yet: let the sweep run first"):
        read(location, "s", SPACE.values)
    assert {path.name for path in tmp_path.iterdir()} <= {
        "study.log",
        "group.log",
        "group.log.other.driver",
    }


@pytest.mark.parametrize("lines", [1, 2])
def test_a_study_that_was_killed_while_it_was_made_is_not_there_yet(
    lines: int, tmp_path: Path
) -> None:
    path = tmp_path / "study.log"
    opened(path).close()
    whole = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(whole[:lines]))
    with pytest.raises(ConfigError, match="has no study s yet"):
        read(path, "s", SPACE.values)


@pytest.mark.parametrize("content", ["#!/bin/sh\n", '{"a": 1}\n', "[]\n"])
def test_a_file_that_is_no_journal_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "study.log"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"study\.log is no study"):
        read(path, "s", SPACE.values)


def test_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.log"
    study = opened(path)
    study.remember("version", 9)
    study.close()
    with pytest.raises(ConfigError, match="newer Caviar"):
        read(path, "s", SPACE.values)


@pytest.mark.parametrize(
    ("whole", "damaged"),
    [
        ('"val_accuracy":0.5', '"val_accuracy":"<script>"'),
        ('"val_accuracy":0.5', '"val_accuracy":[]'),
        ('"_at":', '"_at":1e308,"_was":'),
        ('"_at":', '"_at":NaN,"_was":'),
        ('"_at":', '"_at":{},"_was":'),
        ('"_on":["me","atlas"]', '"_on":["me"]'),
        ('"_on":["me","atlas"]', '"_on":7'),
        ('"member":"me"', '"member":true'),
        ('"metric":"val_accuracy"', '"metric":null'),
        ('"directions":[2]', '"directions":{}'),
        ('"wall_s":12.5', '"wall_s":NaN'),
        ('"state":"complete"', '"state":"won"'),
    ],
)
def test_what_no_sweep_writes_is_refused_in_one_line(
    tmp_path: Path, whole: str, damaged: str
) -> None:
    path = tmp_path / "study.log"
    study = created(path)
    trial = study.propose(RANDOM)
    study.report(trial.id, 1, metrics(0.5), "me", "atlas")
    study.end(trial.id, State.COMPLETE)
    study.spend(12.5)
    study.close()
    text = path.read_text()
    assert whole in text
    path.write_text(text.replace(whole, damaged))
    with pytest.raises(ConfigError, match="is damaged") as refusal:
        read(path, "s", SPACE.values)
    assert "\n" not in str(refusal.value)
