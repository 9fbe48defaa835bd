"""A person's remark goes on the record of a sweep, whoever else writes there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sweeps.commands.review import note as command
from sweeps.commands.review.note import note
from sweeps.recorded.recorded_sweep import RecordedSweep, read
from sweeps.results_folder import Folder
from sweeps.study.journal_storage import QuickJournal
from sweeps.study.open import open_study
from tests.sweeps.processes import ROOT, finish, start
from tests.sweeps.transfer.test_previous_sweeps import LR, composed, run
from tests.sweeps.waiting import until
from trainers.errors import ConfigError

#: A driver's study in a process of its own: epochs of one trial until a file is there.
DRIVER = """
import sys, time
from pathlib import Path
from sweeps.study.open import open_study
from tests.sweeps.transfer.test_previous_sweeps import LR, composed
where = Path(sys.argv[1])
with composed(where, "name=b", LR) as sweep:
    study = open_study(where / "a" / "study.log", sweep.objective, sweep.space, "a", create=False)
    trial = study.propose(sweep.search).id
    epoch = 0
    while not (where / "stop").exists() or epoch < 50:
        epoch += 1
        study.report(trial, epoch, {sweep.objective.metric: 0.5}, "me", "here")
        print("epoch", epoch, flush=True)
        time.sleep(0.002)
    assert not study.lost and not study.waiting, study.notes()
    study.close()
print("closed", epoch)
"""

#: A note whose process is killed when half of its line is on disk.
KILLED = """
import os, signal, sys
from sweeps.commands.review.note import note
from sweeps.study import journal_storage
def half(file, lines):
    os.write(file, lines[: len(lines) // 2])
    os.kill(os.getpid(), signal.SIGKILL)
journal_storage._append = half
note("a", "1", "never", "me", sys.argv[1])
"""


def recorded(where: Path) -> RecordedSweep:
    return read(Folder(where / "a"))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    run(tmp_path, "a", LR, trials=2).close()
    return tmp_path


def test_a_remark_is_kept_with_name_and_time(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = '=cmd|"/C calc"!A0 <script>\n🐟 ' + "x" * 300
    note("a", "1", text, "Zoë", str(results))
    note("a", "0000", "first", "b", str(results))
    one, other = recorded(results).remarks
    assert (one.trial, one.text, one.by) == ("0001", text, "Zoë")
    assert (other.trial, other.text) == ("0000", "first")
    assert 0 < one.at <= other.at
    assert capsys.readouterr().out == "noted about 0001, by Zoë\nnoted about 0000, by b\n"


def test_secrets_are_not_kept(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "0123456789abcdef")
    note("a", "1", "run it with 0123456789abcdef", "me", str(results))
    assert "0123456789abcdef" not in (results / "a" / "study.log").read_text()


def test_the_driver_and_several_people_write_at_once(results: Path) -> None:
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(results)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert driver.stdout is not None
    try:
        assert driver.stdout.readline() == "epoch 1\n", driver.stdout.read()
        others = [
            start(
                "sweeps.commands.review.note",
                "a",
                "--trial=2",
                f"--text=other {n}",
                f"results={results}",
            )
            for n in range(2)
        ]
        for number in range(10):
            note("a", "2", f"mine {number}", "me", str(results))
        for other in others:
            assert finish(other)[0] == 0
    finally:
        (results / "stop").touch()
    output, _ = driver.communicate(timeout=300)
    last = output.splitlines()[-1]
    assert (driver.returncode, last.split()[0]) == (0, "closed"), output
    found = recorded(results)
    assert list(found.trials[2].epochs) == list(range(1, int(last.split()[1]) + 1))
    assert sorted(remark.text for remark in found.remarks) == sorted(
        [*(f"mine {n}" for n in range(10)), "other 0", "other 1"]
    )
    with composed(results, "name=b", LR) as sweep:
        open_study(
            results / "a" / "study.log", sweep.objective, sweep.space, "a", create=False
        ).close()


@pytest.mark.parametrize("runs", [True, False], ids=["its driver runs", "it is gone on with"])
def test_a_note_that_is_killed_half_way_loses_nothing_else(results: Path, runs: bool) -> None:
    note("a", "0", "kept", "me", str(results))
    before = recorded(results).trials
    log = results / "a" / "study.log"
    with composed(results, "name=b", LR) as sweep:
        opened = (log, sweep.objective, sweep.space, "a", False)
        study = open_study(*opened) if runs else None
        if study is not None:
            assert isinstance(study._storage, QuickJournal)
            study._storage._file._lock.grace_period = 1  # the half minute of a dead process's lock
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, str(results)], cwd=ROOT, check=False, capture_output=True
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert not log.read_bytes().endswith(b"\n")
        assert os.path.lexists(f"{log}.lock")
        study = study or open_study(*opened)
        trial = study.propose(sweep.search)
        study.report(trial.id, 1, {sweep.objective.metric: 0.5}, "me", "here")
        until(lambda: not study.waiting)
        study.close()
    found = recorded(results)
    assert found.trials[:2] == before
    assert found.trials[2].epochs == {1: {sweep.objective.metric: 0.5}}
    assert [remark.text for remark in found.remarks] == ["kept"]


def test_what_make_hands_over_is_kept_as_it_was_written(results: Path) -> None:
    text = 'it\'s $HOME `date` "quoted" #1; a=b\\n --by=x\nsecond line'
    environment = {
        "CAVIAR_SWEEP": "a",
        "CAVIAR_TRIAL": "0001",
        "CAVIAR_TEXT": text,
        "CAVIAR_MEMBER": "beta",
        "CAVIAR_ARGS": f"results={results}",
    }
    template = ("SWEEP", "--trial=TRIAL", "--text=TEXT", "--member=MEMBER", "ARGS")
    (line,) = (
        line.split("$(RUN) ")[1]
        for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
        if "$(RUN) sweeps.commands.review.note" in line
    )
    assert tuple(line.split()) == ("sweeps.commands.review.note", *template)
    module = "sweeps.commands.from_make"
    code, output = finish(start(module, *line.split(), **environment))
    assert code == 0, output
    (remark,) = recorded(results).remarks
    assert (remark.text, remark.by) == (text, "beta")


@pytest.mark.parametrize(
    ("trial", "text", "by", "told"),
    [
        ("7", "x", "me", r"TRIAL=7: no such trial in a \(there are 0000 to 0001\)"),
        ("-1", "x", "me", "TRIAL=-1: no such trial"),
        ("٣", "x", "me", "no such trial"),
        ("9" * 5000, "x", "me", "TRIAL=9{40}: no such trial"),
        ("best\nx", "x", "me", "TRIAL=best x: no such trial"),
        ("", "x", "me", "TRIAL= is empty: name one trial"),
        ("1", "", "me", "TEXT= is empty: make note"),
        ("1", " \n\t", "me", "TEXT= is empty: make note"),
        ("1", "x" * 10_001, "me", "TEXT= has 10,001 characters, and may have 10,000"),
        ("1", "x", " \x1b[31m", "by= is empty"),
        ("1", "x", "y" * 101, "by= has 101 characters, and may have 100"),
    ],
)
def test_refuses(results: Path, trial: str, text: str, by: str, told: str) -> None:
    before = (results / "a" / "study.log").read_bytes()
    with pytest.raises(ConfigError, match=told):
        note("a", trial, text, by, str(results))
    assert (results / "a" / "study.log").read_bytes() == before


def test_refuses_what_is_no_sweep_or_has_no_record(results: Path) -> None:
    with pytest.raises(ConfigError, match=r"SWEEP=b: no such sweep in .* \(there are: a\)"):
        note("b", "1", "x", "me", str(results))
    (results / "a" / "study.log").unlink()
    with pytest.raises(ConfigError, match=r"has no study\.log"):
        note("a", "1", "x", "me", str(results))
    assert not (results / "a" / "study.log").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "name one sweep: make note"),
        (("a", "b", "--trial=1", "--text=x"), "name one sweep: make note"),
        (("a", "--text=x"), "TRIAL= is empty"),
        (("a", "--trial=1"), "TEXT= is empty"),
        (("a", "--trial=1", "--text=x", "bye=me"), "bye=me: there is no such option"),
    ],
)
def test_a_command_line_that_lacks_something_is_refused_in_a_line(
    words: tuple[str, ...],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["note", *words])
    with pytest.raises(SystemExit) as end:
        command.main()
    assert end.value.code == 2
    output = capsys.readouterr().err
    assert told in output
    assert output.count("\n") == 1


def test_the_name_is_that_of_by_else_of_git(
    results: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    (tmp_path / "gitconfig").write_text("[user]\n  name = Grace H.\n")
    for words in ((), ("--member=beta",), ("--member=beta", "by=alpha")):
        argv = ["note", "a", "--trial=1", "--text=x", f"results={results}", *words]
        monkeypatch.setattr(sys, "argv", argv)
        monkeypatch.chdir(tmp_path)
        command.main()
    assert [remark.by for remark in recorded(results).remarks] == ["Grace H.", "beta", "alpha"]
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LOGNAME", "gracie")
    assert command._own_name() == "gracie"
