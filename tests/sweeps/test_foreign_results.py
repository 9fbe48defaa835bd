"""Nothing that lies in a folder of results is run, whatever is done with the folder."""

from __future__ import annotations

import json
import pickle
import shutil
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeps.backend.ray_session import Ray
from sweeps.commands import diagnose, predict, replay, simulate
from sweeps.commands.resume import resume
from sweeps.results_folder import Folder
from tests.sweeps.conftest import SMALL, begun
from trainers.errors import ConfigError

NAME = "theirs"


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory, without_ray: Ray) -> Path:
    """The results of a sweep that has ended."""
    results = tmp_path_factory.mktemp("results")
    words = (*SMALL, "epochs=1", "model.width=8,16", "search=random", "budget.trials=2")
    assert begun(without_ray, *words, f"results={results}", f"name={NAME}") == 0
    return results


class Evil:
    """A pickle that makes a file when it is read."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[[str], Any], tuple[str]]:
        return (_touch, (str(self.marker),))


def _touch(path: str) -> None:
    Path(path).touch()


@pytest.fixture
def folder(clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A copy that a test makes evil; Python's own folder is that of the results' parent."""
    shutil.copytree(clean, tmp_path / "results")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(Evil(tmp_path / "ran"), protocol=2))
    (tmp_path / "results" / NAME / "evil.py").write_text(
        f"import pathlib\npathlib.Path({str(tmp_path / 'ran')!r}).touch()\n"
        "class Rule:\n    def judge(self, trial, epoch, curves): return None\n"
    )
    return Folder(tmp_path / "results" / NAME)


def everything(folder: Folder, ray: Ray, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Do all that can be done with a folder; what was refused, in words."""
    where = f"results={folder.path.parent}"
    refused = []

    def command(module: Any, *words: str) -> None:
        monkeypatch.setattr(sys, "argv", ["command", NAME, where, *words])
        module.main()

    for act in (
        lambda: resume(NAME, [where], ray),
        lambda: resume(NAME, [where, "budget.trials=+1"], ray),
        lambda: begun(ray, *SMALL, "model.width=8,16", "search=tpe", where, f"from_sweep={NAME}"),
        lambda: command(simulate),
        lambda: command(replay),
        lambda: command(predict),
        lambda: command(diagnose),
    ):
        try:
            act()
        except ConfigError as error:
            refused.append(str(error))
        except SystemExit:
            refused.append("refused")
    return refused


def change(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    content = yaml.safe_load(path.read_text())
    edit(content)
    path.write_text(yaml.safe_dump(content))


def test_a_folder_as_it_was_left_is_used(
    folder: Folder, without_ray: Ray, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert everything(folder, without_ray, monkeypatch) == []
    assert not (folder.path.parents[1] / "ran").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["stop._target_=pickle.load"],
        ["stop._target_=pandas.read_pickle", "+stop.filepath_or_buffer=EVIL"],
        ["stop={_target_:torch.load,f:EVIL,weights_only:false}"],
        [f"stop={{_target_:results.{NAME}.evil.Rule}}"],
        ["search={_target_:torch.load,f:EVIL,weights_only:false}"],
        ["data.root={_target_:torch.load,f:EVIL,weights_only:false}"],
        ["+model.extra={_target_:pathlib.Path.touch,self:EVIL}"],
        ["model._target_=torch.hub.load"],
        ["hydra.searchpath=[file:///EVIL]"],
        ["track={_target_:os.system,command:'touch EVIL'}"],
        ["data.root='${oc.create:{_target_:os.system,command:true}}'"],
        ["trust=[results]", f"stop={{_target_:results.{NAME}.evil.Rule}}"],
    ],
    ids=lambda words: words[-1][:40],
)
def test_a_command_line_on_record_runs_nothing(
    words: list[str], folder: Folder, without_ray: Ray, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = str(folder.path.parents[1] / "evil.pkl")
    given = [word.replace("EVIL", f"'{evil}'" if "{" in word else evil) for word in words]
    change(folder.sweep, lambda content: content["overrides"].extend(given))
    refused = everything(folder, without_ray, monkeypatch)
    assert len(refused) >= 4, "resume, extend, simulate and replay read it"
    assert all(len(message.splitlines()) <= 2 for message in refused)
    assert not (folder.path.parents[1] / "ran").exists()
    assert len(list(folder.trials.iterdir())) == 2


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model", {"_target_": "torch.load", "f": "EVIL", "weights_only": False}),
        ("root", {"_target_": "torch.load", "f": "EVIL", "weights_only": False}),
        ("root", "${oc.create:{_target_:os.system,command:true}}"),
    ],
)
def test_the_configuration_of_a_trial_runs_nothing(
    key: str, value: Any, folder: Folder, without_ray: Ray, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = str(folder.path.parents[1] / "evil.pkl")
    if isinstance(value, dict):
        value = {**value, "f": evil}

    def edit(config: dict[str, Any]) -> None:
        (config["data"] if key == "root" else config)[key] = value

    for path in (*folder.trials.glob("*/config.yaml"), folder.path / "best" / "config.yaml"):
        change(path, edit)
    refused = everything(folder, without_ray, monkeypatch)
    assert len(refused) == 2, "predict and diagnose read it"
    assert not (folder.path.parents[1] / "ran").exists()


def test_the_parameters_of_a_trial_run_nothing(
    folder: Folder, without_ray: Ray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line of the study in which a trial that runs has another parameter."""
    lines = folder.study.read_text().splitlines()
    edited = []
    for line in lines:
        record = json.loads(line)
        if record.get("param_name") == "model.width":
            record["param_name"] = "model._target_"
        edited.append(json.dumps(record, separators=(",", ":")))
    folder.study.write_text("\n".join(edited) + "\n")
    everything(folder, without_ray, monkeypatch)
    assert not (folder.path.parents[1] / "ran").exists()


def test_a_checkpoint_runs_nothing(
    folder: Folder, without_ray: Ray, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = (folder.path.parents[1] / "evil.pkl").read_bytes()
    for path in folder.path.rglob("state.pt"):
        path.write_bytes(evil)
        record = json.loads(path.with_name("epoch.json").read_text())
        record.update(bytes=len(evil), crc32=zlib.crc32(evil))
        path.with_name("epoch.json").write_text(json.dumps(record))
    everything(folder, without_ray, monkeypatch)
    assert not (folder.path.parents[1] / "ran").exists()
