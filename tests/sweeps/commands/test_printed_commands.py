"""Each command that is printed does what it says when it is copied, whatever is in the names."""

from __future__ import annotations

import csv
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from sweeps.backend.ray_session import Ray
from sweeps.cli import INTERRUPTED
from sweeps.commands import diagnose, predict
from sweeps.commands import sweep as sweep_command
from sweeps.commands.from_make import words_of
from sweeps.commands.resume import resume
from sweeps.commands.train import train
from sweeps.config.composition import compose
from sweeps.config.overrides import split, value_given
from sweeps.config.recorded_training import read_training
from sweeps.config.trusted_targets import Origin
from sweeps.driver.driver import Driver
from sweeps.launch.resume import merge
from tests.sweeps.conftest import SMALL, begun
from trainers.data import resident
from trainers.errors import ConfigError
from trainers.files import history
from trainers.models.mlp import MLP

NAME = "my [bold]sweep"


class Own(MLP):
    """A model that no YAML of conf/ has."""


COMMAND = re.compile(
    r"make [a-z]+(?: (?:SWEEP|TRAIN)=(?:'[^']*'|\S+))?(?: ARGS=\"(?:[^\"\\]|\\.)*\")?"
)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "dä, [x]=1 $HOME"


def shell(line: str) -> list[str]:
    """The words that a shell makes of a line."""
    show = f"for word in {line}; do printf '%s\\0' \"$word\"; done"
    result = subprocess.run(["sh", "-c", show], capture_output=True, text=True, check=True)
    return result.stdout.split("\0")[:-1]


def printed(output: str) -> list[tuple[str, list[str]]]:
    """The commands of an output: (target, words)."""
    found = []
    for line in COMMAND.findall(output):
        _, target, *given = shell(line)
        variables = dict(word.split("=", 1) for word in given)
        found.append((target, list(words_of(["SWEEP", "train/TRAIN", "ARGS"], variables))))
    return found


def do(target: str, words: list[str], ray: Ray, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a make target does, in this process."""
    monkeypatch.setattr(sys, "argv", [target, *words])
    if target == "sweep":
        with compose(words) as composition:
            sweep_command.start(composition, ray)
    elif target == "train":
        with compose(words) as composition:
            train(composition.base)
    elif target in ("resume", "extend"):
        (name,), overrides = split(words)
        resume(name, overrides, ray)
    else:
        {"predict": predict, "diagnose": diagnose}[target].main()


def test_of_a_sweep_that_has_ended(
    results: Path,
    without_ray: Ray,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = (*SMALL, "epochs=1", "search=random", f"results={results}", "budget.trials=2")
    assert begun(without_ray, *words, "optimizer.lr=interval(0.001,0.1)", f"name={NAME}") == 0
    output = capsys.readouterr().out
    assert str(Path(results.name, NAME, "trials.csv")) in output
    commands = printed(output)
    assert [target for target, _ in commands] == ["train", "extend", "extend", "sweep", "sweep"]
    extended, other = commands[2][1], commands[3][1]
    assert commands.pop() == ("sweep", ["experiment=mnist"])
    assert (extended[0], value_given(extended, "results")) == (NAME, str(results))
    for target, given in commands:
        cheap = [w.replace("budget.trials=+20", "budget.trials=+1") for w in given]
        do(target, cheap, without_ray, monkeypatch)
    assert len(list((results / NAME / "trials").iterdir())) >= 2 + 2 * 3 + 1
    assert (results / str(value_given(other, "name")) / "summary.json").is_file()
    assert history.read(results / "train" / "0001" / "metrics.csv")
    for target in ("predict", "diagnose"):
        capsys.readouterr()
        do(target, [NAME, f"results={results}"], without_ray, monkeypatch)
        assert str(Path(results.name, NAME)) in capsys.readouterr().out


def test_of_a_training_that_has_ended(
    results: Path,
    without_ray: Ray,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["track=none", "data.fraction=0.25", "model.width=16", "model.depth=1", "epochs=2"]
    do("train", [*words, f"results={results}"], without_ray, monkeypatch)
    output = capsys.readouterr().out
    [score] = re.findall(r"^test_loss \S+  test_accuracy (\S+)$", output, re.M)
    commands = printed(output)
    assert commands == [
        (target, ["train/0001", f"results={results}"]) for target in ("diagnose", "predict")
    ]
    folder = results / "train" / "0001"
    for target, given in commands:
        do(target, given, without_ray, monkeypatch)
        assert str(Path(results.name, "train", "0001")) in capsys.readouterr().out
    assert (folder / "diagnosis" / "curves.png").is_file()
    with (folder / "submission.csv").open() as file:
        answers = [int(row["label"]) for row in csv.DictReader(file)]
    test = resident.load(read_training(folder / "config.yaml", Origin(folder)).data).test
    truth = test.batch(torch.arange(len(test)))[1].tolist()
    right = sum(a == b for a, b in zip(answers, truth, strict=True)) / len(truth)
    assert f"{right:.4f}" == score, "its answers are those of the best epoch"


def test_of_a_name_that_is_taken(
    results: Path,
    without_ray: Ray,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = (*SMALL, "epochs=1", "model.width=8,16", "search=grid", f"results={results}")
    assert begun(without_ray, *words, f"name={NAME}") == 0
    with pytest.raises(ConfigError, match="exists and is never overwritten") as refusal:
        begun(without_ray, *words, f"name={NAME}")
    [(target, given)] = printed(str(refusal.value))
    assert target == "resume"
    capsys.readouterr()
    do(target, given, without_ray, monkeypatch)
    assert f"{NAME} is finished: 2 trials. It has tried all" in capsys.readouterr().out
    [free] = re.findall(r"name this one \(ARGS=\"(.*)\"\)", str(refusal.value))
    assert shlex.split(free) == [f"name={NAME}-2"]


def test_of_a_finished_grid_offer_to_train_longer_and_no_more_trials(
    results: Path,
    without_ray: Ray,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = (*SMALL, "epochs=1", "model.width=8,16", "search=grid", f"results={results}")
    assert begun(without_ray, *words, "stop=none", "budget.trials=null", "name=s") == 0
    at_its_end = [given for target, given in printed(capsys.readouterr().out) if target == "extend"]
    resume("s", [f"results={results}"], without_ray)
    [extended] = printed(capsys.readouterr().out)
    assert [extended[1]] == at_its_end
    do(*extended, without_ray, monkeypatch)
    assert "2 of 2 trials go on, to 2 epochs" in capsys.readouterr().out
    assert len(list((results / "s" / "trials").glob("*/epoch_002"))) == 2
    with pytest.raises(ConfigError, match="has no limit of trials that could be raised"):
        resume("s", [f"results={results}", "budget.trials=+20"], without_ray)


def test_of_a_sweep_of_a_trusted_package_trust_it_again(
    results: Path,
    without_ray: Ray,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A record is not believed what it trusts, so whoever goes on has to say it: in the command."""
    trust = f"trust=[{__name__.partition('.')[0]}]"
    words = (*SMALL, "epochs=1", "search=random", "budget.trials=2", f"results={results}", "name=s")
    epoch = Driver.epoch

    def interrupted(driver: Driver, *given: Any) -> bool:
        signal.raise_signal(signal.SIGINT)
        return epoch(driver, *given)

    own = (f"model._target_={__name__}.Own", "optimizer.lr=interval(0.001,0.1)", trust)
    with monkeypatch.context() as patch:
        patch.setattr(Driver, "epoch", interrupted)
        assert begun(without_ray, *words, *own) == INTERRUPTED
    go_on = ("resume", ["s", f"results={results}", trust])
    assert printed(capsys.readouterr().out)[-1] == go_on
    with pytest.raises(ConfigError, match=r"Own comes from .* it is not run"):
        resume("s", [f"results={results}"], without_ray)
    with pytest.raises(ConfigError, match="exists and is never overwritten") as refusal:
        begun(without_ray, *words, *own)
    assert printed(str(refusal.value)) == [go_on]
    do(*go_on, without_ray, monkeypatch)
    at_its_end = dict(printed(capsys.readouterr().out))
    do("train", at_its_end["train"], without_ray, monkeypatch)
    for target, given in printed(capsys.readouterr().out):
        do(target, given, without_ray, monkeypatch)
    do(*go_on, without_ray, monkeypatch)
    finished = printed(capsys.readouterr().out)
    assert ("extend", at_its_end["extend"]) in finished
    assert trust in at_its_end["extend"]


def test_of_a_record_that_trusts_itself_do_not_repeat_it() -> None:
    recorded = ["model.width=8", "trust=[theirs]", "name=s"]
    assert merge(recorded, [], {}) == ["model.width=8", "name=s"]
    assert merge(recorded, ["trust=[mine]"], {})[-1] == "trust=[mine]"
