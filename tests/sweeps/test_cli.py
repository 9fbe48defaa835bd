"""Commands that cannot be: a line or two on stderr, exit code 2, and nothing left behind."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from omegaconf import OmegaConf
from rich.console import Console

from sweeps import cli
from sweeps.cli import refusals
from sweeps.commands import sweep, train
from tests.sweeps.processes import finish, start
from tests.sweeps.waiting import MOST_S
from trainers.errors import ConfigError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")  # so that it is as it was afterwards
    return tmp_path


def refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *words: str,
    mode: str = "sweep",
) -> str:
    """What a person reads of a refused command."""
    monkeypatch.setattr(sys, "argv", ["sweeps", *words])
    with pytest.raises(SystemExit) as end:
        {"sweep": sweep.main, "train": train.main}[mode]()
    assert end.value.code == 2
    written = capsys.readouterr().err
    assert written.startswith("error: ")
    assert written.endswith("\n")
    assert 1 <= len(written.splitlines()) <= 2, written
    assert "Traceback" not in written
    return written


def words_of(value: object) -> str:
    return str(value) if "=" in str(value) and "?" not in str(value) else ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        # misspelt keys and choices
        ("optimizer.lrr=0.1", "did you mean optimizer.lr?"),
        ("optimizer=sgd optimizer.momentun=0.5", "did you mean optimizer.momentum?"),
        ("search=tpe search.n_startup=3", "did you mean search.n_startup_trials?"),
        ("track.histograms=true", "did you mean histograms?"),
        ("optimizer=adamww", "did you mean adamw?"),
        ("experiment=quikstart", "did you mean quickstart?"),
        # types
        ("epochs=abc", "abc"),
        # grammar
        ("optimizer.lr=tag(log,interval(1e-4", "is not an override"),
    ],
    ids=words_of,
)
def test_sweep_refuses_what_hydra_refuses(
    words: str,
    told: str,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert told in refused(monkeypatch, capsys, *words.split())
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("word", "told"),
    [("optimizer.lrr=0.1", "did you mean optimizer.lr?"), ("optimizer=adamww", "adamw?")],
    ids=words_of,
)
def test_sweep_refuses_the_same_beside_a_swept_key(
    word: str,
    told: str,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert told in refused(monkeypatch, capsys, word, "model.width=16,32")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("model.dropuot=0.1,0.2", "did you mean model.dropout?"),
        ("optimizer=adamw,sdg", "did you mean sgd?"),
        ("seed=1,2 budget.trials=0", "budget.trials must be above 0"),
        ("seed=1,2 +budget.trails=3", "did you mean budget.trials?"),
        ("seed=1,2 stop.factor=1", "stop.factor > 1"),
        ("seed=1,2 +stop.grase=1", "grase"),
        ("optimizer.lr=interval(0.1,0.2) budget.trials=null", "without any limit"),
        ("++hydra.sweeper.task=check", "the command sets this itself"),
        (
            "optimizer.lr=interval(0.1,0.2) budget.trials=null budget.target=0.9",
            "a target may never be reached",
        ),
        ("seed=1,2 budget.target=high", "budget.target"),
        ("seed=1,2 budget.stalled=1.5", "budget.stalled"),
        ("seed=1,2 budget.stalled=0", "budget.stalled must be above 0"),
        ("seed=1,2 stop=hyperband stop.grace=9 epochs=8", "not 9 of 8"),
        ("seed=1,2 stop=several stop.rules.asha.factor=1", "stop.factor > 1"),
        ("optimizer.lr=interval(0.1,0.2) search=grid", "search=random"),
        ("experiment=quickstart,mnist", "experiment is the same for all trials"),
        ("", "nothing varies"),
    ],
    ids=words_of,
)
def test_sweep_refuses_what_makes_no_sweep(
    words: str,
    told: str,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert told in refused(monkeypatch, capsys, "space=null", *words.split())
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("model.width=16,32", "model.width=16,32: one training takes one value"),
        ("optimizer.lrr=0.1", "did you mean optimizer.lr?"),
        ("epochs=abc", "abc"),
        ("epochs=0", "epochs must be 1 or more"),
    ],
)
def test_train_refuses(
    word: str,
    told: str,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert told in refused(monkeypatch, capsys, word, mode="train")
    assert list(here.iterdir()) == []


class TestRefusals:
    def test_of_a_configuration_end_the_program(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as end, refusals():
            raise ConfigError("rule, value\nremedy")
        assert end.value.code == 2
        assert capsys.readouterr().err == "error: rule, value\nremedy\n"

    def test_also_where_another_error_wraps_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit), refusals():
            raise RuntimeError("of a third party") from ConfigError("the rule")
        assert capsys.readouterr().err == "error: the rule\n"

    def test_of_omegaconf(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit), refusals():
            OmegaConf.to_container(OmegaConf.create({"a": "${b}"}), resolve=True)
        assert "'b'" in capsys.readouterr().err

    def test_ctrl_c_is_no_traceback(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as end, refusals():
            raise KeyboardInterrupt
        assert end.value.code == 130
        assert capsys.readouterr().err == "interrupted\n"

    def test_a_bug_is_not_dressed_up(self) -> None:
        with pytest.raises(ZeroDivisionError), refusals():
            _ = 1 / 0

    def test_nothing_wrong_nothing_said(self, capsys: pytest.CaptureFixture[str]) -> None:
        with refusals():
            pass
        assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("environment", "word", "told"),
    [
        ({"PYTHONOPTIMIZE": "1"}, "epochs=1", "unset PYTHONOPTIMIZE"),
        (
            {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
            "name=müller",
            "set LC_ALL=C.UTF-8",
        ),
    ],
)
def test_an_environment_in_which_nothing_works_is_told_in_a_line(
    environment: dict[str, str], word: str, told: str
) -> None:
    code, output = finish(start("sweeps", "preview=true", word, **environment))
    assert code == 2
    assert told in output
    assert len(output.splitlines()) == 1


def test_a_user_without_a_home_folder_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", unknown)
    with pytest.raises(SystemExit) as refusal, refusals():
        pass
    assert refusal.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: HOME is not set")
    assert len(error.splitlines()) == 1


def test_a_machine_without_a_temporary_folder_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", None)  # which it remembers
    monkeypatch.setattr("tempfile._candidate_tempdir_list", lambda: ["/none"])
    with pytest.raises(SystemExit) as refusal, refusals():
        pass
    assert refusal.value.code == 2
    error = capsys.readouterr().err
    assert "set TMPDIR" in error
    assert len(error.splitlines()) == 1


def test_options_of_hydra_between_overrides(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["model.width=8", "--cfg", "job", "epochs=3", "optimizer=adamw,sgd"]
    monkeypatch.setattr(sys, "argv", ["sweeps", *words, "optimizer.momentum=0.7"])
    sweep.main()
    printed = OmegaConf.create(capsys.readouterr().out)
    assert (printed.model.width, printed.epochs) == (8, 3)


def test_a_letter_that_the_terminal_lacks_is_printed_as_a_question_mark(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(output, "ascii", write_through=True))
    with pytest.raises(SystemExit), refusals():
        raise ConfigError("name=müller")
    assert output.getvalue() == b"error: name=m?ller\n"


class TestDoing:
    def test_what_takes_long_is_told_once_where_there_is_no_terminal(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        told = Event()

        class Told(Console):
            def print(self, *words: Any, **more: Any) -> None:
                super().print(*words, **more)
                told.set()

        monkeypatch.setattr(cli, "QUIET_S", 0.01)
        monkeypatch.setattr(cli, "terminal", lambda: Told(width=80))
        with cli.doing("starting Ray"):
            assert told.wait(MOST_S)
        assert capsys.readouterr().out == "starting Ray\n"

    def test_what_is_quick_is_not(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(cli, "QUIET_S", MOST_S)
        with cli.doing("starting Ray"):
            pass
        assert capsys.readouterr().out == ""

    def test_a_terminal_has_a_spinner_that_goes_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        file = io.StringIO()
        console = Console(file=file, force_terminal=True, width=80, _environ={"TERM": "xterm"})
        monkeypatch.setattr(cli, "terminal", lambda: console)
        with pytest.raises(KeyError), cli.doing("starting Ray"):
            raise KeyError
        assert "starting Ray" in file.getvalue()
        assert file.getvalue().endswith("\x1b[2K")

    def test_bars_of_others_are_not_drawn_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        file = io.StringIO()
        console = Console(file=file, force_terminal=True, width=80, _environ={"TERM": "xterm"})
        monkeypatch.setattr(cli, "terminal", lambda: console)
        monkeypatch.setattr(cli, "QUIET_S", MOST_S)
        with cli.doing("fetching the data", spins=False):
            pass
        assert file.getvalue() == ""


def test_an_option_has_one_value() -> None:
    assert cli.options_of(["trust=a", "top=3", "top=3"]) == {"trust": "a", "top": "3"}
    with pytest.raises(ConfigError, match=r"trust=b: trust=a is given as well: give it once"):
        cli.options_of(["trust=a", "trust=b"])
