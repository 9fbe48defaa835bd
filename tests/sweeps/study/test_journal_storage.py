"""Optuna's journal, on disks that are full, files that are cut short, folders that are gone."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from sweeps.study import journal_storage
from sweeps.study.journal_storage import JournalFile, QuickJournal, _whole, unrenewed
from sweeps.study.open import open_study
from tests.sweeps.study.test_study import ACCURACY, RANDOM, ROOT, SPACE, metrics, scripted, work
from tests.sweeps.waiting import until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "study.log"
    made.touch()
    return made


def test_is_read_as_optuna_reads_it(tmp_path: Path) -> None:
    """Several studies in one file, written by Optuna and by us."""
    path = tmp_path / "group.log"
    optunas = JournalStorage(JournalFileBackend(str(path)))
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for name in ("a", "b"):
        study = optuna.create_study(storage=optunas, study_name=name)
        for number in range(4):
            trial = study.ask()
            trial.suggest_float("x", 0, 1)
            trial.report(0.5, 1)
            trial.set_user_attr("k", [number])
            if number:
                study.tell(trial, 0.25 * number, state=TrialState.COMPLETE)
    ours = QuickJournal(JournalFile(path), -1)
    theirs = JournalStorage(JournalFileBackend(str(path)))
    for number in (0, 1):
        assert ours.get_all_trials(number) == theirs.get_all_trials(number)
    open_trial = ours.get_all_trials(1)[0]._trial_id
    ours.set_trial_user_attr(open_trial, "late", 1)
    ours.set_trial_system_attr(open_trial, "epoch:1", {"loss": 0.5})
    ours.set_trial_system_attr(open_trial, "epoch:2", {"loss": 0.25})
    theirs.set_trial_intermediate_value(open_trial, 2, 0.75)
    assert ours.get_all_trials(1) == theirs.get_all_trials(1)
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        ours.set_trial_user_attr(ours.get_all_trials(1)[1]._trial_id, "late", 1)


def test_together_is_written_at_once_or_not_at_all(path: Path) -> None:
    storage = QuickJournal(JournalFile(path), -1)
    study = optuna.create_study(storage=storage)
    trial = storage.create_new_trial(study._study_id)
    before = path.read_bytes()
    with storage.together():
        storage.set_trial_user_attr(trial, "a", 1)
        storage.set_trial_intermediate_value(trial, 1, 0.5)
        assert path.read_bytes() == before
    assert path.read_bytes().count(b"\n") == before.count(b"\n") + 2
    before = path.read_bytes()
    with pytest.raises(TypeError), storage.together():
        _write(storage, trial, 1, object())
    assert path.read_bytes() == before
    assert storage.get_trial(trial).user_attrs == {"a": 1}
    assert storage.get_trial(trial).intermediate_values == {1: 0.5}


def _write(storage: QuickJournal, trial: int, *values: object) -> None:
    for value in values:
        storage.set_trial_user_attr(trial, "b", value)


@pytest.mark.parametrize("length", [0, 1, 2, 65_535, 65_536, 65_537, 200_000])
@pytest.mark.parametrize("whole", [b"", b"{}\n", b"{}\n{}\n"])
def test_the_end_of_the_last_whole_line_is_found(path: Path, whole: bytes, length: int) -> None:
    path.write_bytes(whole + b"x" * length)
    descriptor = os.open(path, os.O_RDONLY)
    assert _whole(descriptor) == len(whole)
    os.close(descriptor)


def test_a_line_that_another_has_left_cut_short_is_cut_off_before_the_next(path: Path) -> None:
    study = open_study(path, ACCURACY, SPACE, "s", create=True)
    trial = study.propose(RANDOM)
    whole = path.read_bytes()
    with path.open("ab") as file:
        file.write(b'{"op_code": 4, "wor')
    study.report(trial.id, 1, metrics(0.5), "me", "atlas")
    assert path.read_bytes().startswith(whole)
    study.close()
    reopened = open_study(path, ACCURACY, SPACE, "s", create=False)
    assert reopened.trials == study.trials
    reopened.close()


@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_folder_that_goes_away_is_waited_for_and_not_begun_anew(
    what: str, tmp_path: Path
) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    path = folder / "study.log"
    study = open_study(path, ACCURACY, SPACE, "s", create=True)
    scripted(study)
    moved = folder if what == "folder" else path
    moved.rename(tmp_path / "away")
    scripted(study)
    assert study.waiting > 0
    assert "No such file" in study.notes()[0]
    if what == "folder":
        folder.mkdir()  # as the place of an unmounted folder is
        scripted(study)
        assert list(folder.iterdir()) == []
        folder.rmdir()
    (tmp_path / "away").rename(moved)
    until(lambda: study.waiting == 0)
    study.close()
    reopened = open_study(path, ACCURACY, SPACE, "s", create=False)
    assert reopened.trials == study.trials
    reopened.close()


@pytest.mark.parametrize("writes", [5, 17, 30])
def test_what_was_not_written_when_the_driver_left_is_decided_again(
    writes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm, path = tmp_path / "calm.log", tmp_path / "study.log"
    work(calm)
    left, whole = [writes], journal_storage._append

    def full(file: int, lines: bytes) -> None:
        if left[0] == 0:
            raise OSError(28, "No space left on device")
        left[0] -= 1
        whole(file, lines)

    monkeypatch.setattr(journal_storage, "_append", full)
    work(path)
    monkeypatch.undo()
    assert path.stat().st_size < calm.stat().st_size, "it was all written"
    work(path)
    one, other = (open_study(p, ACCURACY, SPACE, "s", create=False) for p in (calm, path))
    assert other.trials == one.trials
    one.close()
    other.close()


def limited(path: str) -> None:
    """Write to a study while the disk has no room, then with room again. A process of its own."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    study = open_study(Path(path), ACCURACY, SPACE, "s", create=True)
    scripted(study)
    room = Path(path).stat().st_size + 100  # less than a trial takes
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    scripted(study)
    assert study.waiting > 0
    sys.stdout.write("\n".join(study.notes()) + "\n")
    assert Path(path).read_bytes().endswith(b"\n"), "what does not fit leaves nothing"
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    scripted(study)
    until(lambda: study.waiting == 0)
    sys.stdout.write("\n".join(study.notes()) + "\n" + repr(study.trials))
    study.close()


@pytest.mark.machines
def test_a_full_disk_delays_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "study.log"
    code = f"from tests.sweeps.study.test_journal_storage import limited; limited({str(path)!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    left, back, trials = done.stdout.split("\n", 2)
    assert left.startswith("the study cannot be reached: File too large; training goes on")
    assert back == "the study can be reached again, and has every record"
    reopened = open_study(path, ACCURACY, SPACE, "s", create=False)
    assert repr(reopened.trials) == trials
    reopened.close()
    lines = path.read_text().splitlines()
    written = [line.partition('"worker_id"')[2].partition(",")[2] for line in lines]
    epochs = [line for line in written if '"epoch:' in line]
    assert len(set(epochs)) == len(epochs), "an epoch is on record twice"


def test_who_opens_a_journal_does_not_take_the_lock_of_a_living_process(path: Path) -> None:
    """A lock there is a dead driver's, unless somebody is adding a remark just now."""
    open_study(path, ACCURACY, SPACE, "s", create=True).close()
    lock = Path(f"{path}.lock")
    opening = threading.Thread(
        target=lambda: open_study(path, ACCURACY, SPACE, "s", create=False).close()
    )
    with unrenewed(path):
        lock.symlink_to(path)
        opening.start()
        opening.join(0.5)
        assert opening.is_alive()
        assert os.path.lexists(lock)
        lock.unlink()
    opening.join()
    lock.symlink_to(path)  # nobody lives who could have made it
    open_study(path, ACCURACY, SPACE, "s", create=False).close()
    assert not os.path.lexists(lock)


def test_a_journal_that_was_replaced_meanwhile_is_written_and_not_the_old_one(path: Path) -> None:
    entered, inode = threading.Event(), []

    def write() -> None:
        entered.set()
        with unrenewed(path):
            inode.append(path.stat().st_ino)
            path.write_text("new\nline\n")

    writing = threading.Thread(target=write)
    with unrenewed(path):
        writing.start()
        entered.wait()
        writing.join(0.2)
        fresh = path.with_name("fresh")
        fresh.write_text("new\n")
        fresh.replace(path)
    writing.join()
    assert inode == [path.stat().st_ino]
    assert path.read_text() == "new\nline\n"
    with pytest.raises(FileNotFoundError), unrenewed(path.with_name("none")):
        pass
