"""A check of words that come on the input is that of a command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from sweeps import ROOT, results_folder
from sweeps.checked.check import check
from sweeps.commands import check_from_input
from sweeps.config import hydra_cache
from sweeps.config.composition import compose

# From Python 3.12 on it warns of threads, of which the tests have some.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

WORDS = ["space=null", "optimizer.lr=interval(0.1,0.2)", "search=random", "name=from input"]


class Checks:
    """The process that checks, as whoever has started it sees it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def __call__(self, words: Sequence[str]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{json.dumps([*words])}\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@pytest.fixture(scope="module")
def checks() -> Iterator[Checks]:
    with subprocess.Popen(
        [sys.executable, "-m", "sweeps.commands.check_from_input", "120"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        yield Checks(process)
    assert process.returncode == 0, "it ends with its input"


def test_each_line_is_checked(checks: Checks, tmp_path: Path) -> None:
    for _ in range(2):
        assert checks([*WORDS, f"results={tmp_path}"]) == {"code": 0, "told": ""}
    assert not list(tmp_path.iterdir())


def test_what_is_wrong_is_told_in_a_line_and_by_the_exit_code(checks: Checks) -> None:
    told = "error: optimizer.lrr=0.1: there is no such key; did you mean optimizer.lr?\n"
    assert checks(["optimizer.lrr=0.1"]) == {"code": 2, "told": told}


def test_what_is_refused_leaves_nothing_behind(checks: Checks, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    words = ["space=null", "optimizer.lr=0.1,0.2", f"results={tmp_path}"]
    assert checks([*words, "name=a"])["code"] == 2
    assert checks([*words, "name=b"])["code"] == 0


def test_a_name_is_that_of_a_sweep_to_go_on_with(checks: Checks, tmp_path: Path) -> None:
    folder = results_folder.create(tmp_path, "a")
    words = ["space=null", "optimizer.lr=interval(0.1,0.2)", "name=a", f"results={tmp_path}"]
    with compose(words) as composition:
        results_folder.write_sweep(folder, check(composition).config, words, "", {})
    more = ["a", f"results={tmp_path}"]
    assert checks([*more, "budget.trials=40"]) == {"code": 0, "told": ""}
    for wrong, told in (("budget.trials=many", "budget.trials"), ("seed=7", "keeps its seed")):
        answer = checks([*more, wrong])
        assert answer["code"] == 2
        assert told in answer["told"]
    assert checks(["b", f"results={tmp_path}"])["code"] == 2


def test_a_process_that_is_killed_is_told_by_the_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(words: list[str]) -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    monkeypatch.setattr(check_from_input, "_check", killed)
    assert check_from_input._apart([], 60) == (-signal.SIGKILL, "")


def test_what_it_does_not_expect_is_told_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def raising(words: list[str]) -> int:
        raise LookupError(f"no {words[0]}")

    monkeypatch.setattr(check_from_input, "_check", raising)
    with capsys.disabled():
        code, told = check_from_input._apart(["such thing"], 60)
    assert code == 1
    assert told.endswith("LookupError: no such thing\n")


def test_one_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_from_input, "_check", lambda words: signal.pause())
    assert check_from_input._apart([], 1) == (-signal.SIGALRM, "")


def test_an_experiment_is_composed_ahead_in_silence(capfd: pytest.CaptureFixture[str]) -> None:
    hydra_cache.forget()
    check_from_input._compose(["experiment=mnist"])
    kept = {**hydra_cache._composed}
    with compose(["experiment=mnist", "epochs=3"]) as composition:
        check(composition)
    assert kept
    assert hydra_cache._composed == kept, "a choice of groups was composed anew"
    for words in (["experiment=hw1p2_plan"], ["experiment=none of this name"]):
        check_from_input._compose(words)
    assert capfd.readouterr() == ("", "")


def test_the_experiments_of_conf_are_composed_ahead() -> None:
    names = {path.stem for path in (ROOT / "conf" / "experiment").glob("*.yaml")}
    *experiments, usual = check_from_input._experiments()
    assert usual == ()
    assert experiments[-2:] == [("experiment=hw1p2",), ("experiment=mnist",)]
    assert {word for (word,) in experiments} == {f"experiment={name}" for name in names}


def test_the_choices_that_have_come_are_composed_ahead_without_their_values() -> None:
    words = ["track=none", "name=a", "epochs=3", "model.width=8", "optimizer=adamw,sgd", "+x=1"]
    choices = check_from_input._choices(words)
    assert choices == ("track=none", "optimizer=adamw,sgd")
    hydra_cache.forget()
    check_from_input._compose(choices)
    kept = {**hydra_cache._composed}, {*hydra_cache._lists}
    with compose([*words[:-1]]) as composition:
        check(composition)
    assert hydra_cache._composed == kept[0], "a choice of groups was composed anew"
    assert {*hydra_cache._lists} == kept[1]


def test_a_model_is_built_in_a_copy_of_what_has_composed_ahead() -> None:
    code = (
        "import sys; from sweeps.commands import check_from_input as p; sys.argv[1:] = ['60'];"
        "p.cli.use_plugins(); p.compose_once(); p._compose([]); print(p._apart(['name=x'], 600))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert ran.stdout == "(0, '')\n", ran.stderr


def test_a_file_of_conf_that_changes_is_seen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "conf" / "norm").mkdir(parents=True)
    file = tmp_path / "conf" / "norm" / "batch.yaml"
    file.touch()
    monkeypatch.setattr(check_from_input, "ROOT", tmp_path)
    before = check_from_input._conf()
    assert before == check_from_input._conf()
    os.utime(file, ns=(1, 1))
    assert before != check_from_input._conf()
