"""Plans: in order, on record, and the same after a kill."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import yaml

from sweeps import results_folder
from sweeps.backend.ray_session import Ray, session
from sweeps.checked.sweep import Sweep
from sweeps.commands import preview
from sweeps.commands.sweep import start
from sweeps.config.composition import compose
from sweeps.launch import plan as plan_module
from sweeps.launch.plan import resume
from tests.sweeps.commands.test_resume import table
from tests.sweeps.processes import kill, saved, wait_for_epochs
from tests.sweeps.processes import start as command
from tests.sweeps.transfer.test_previous_sweeps import pretend
from trainers.errors import ConfigError

PLAN = (
    "plan=[{experiment:quickstart,budget:{trials:3},"
    "overrides:['model.width=16,32','optimizer.lr=tag(log,interval(1e-3,1e-1))']},"
    "{experiment:quickstart,budget:{trials:3},best:2,"
    "overrides:['model.dropout=interval(0.0,0.3)','optimizer.lr=tag(log,interval(5e-3,1e-1))']}]"
)
WORDS = ("track=none", "space=null", "data.fraction=0.25", "epochs=4", "max_concurrent=1", "name=p")

Begin = Callable[[Sweep, Ray], int]


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stages that are run, in order: none trains, each succeeds."""
    names: list[str] = []

    def begin(sweep: Sweep, ray: Ray) -> int:
        names.append(sweep.name)
        pretend(sweep, 3)
        return 0

    monkeypatch.setattr(plan_module, "begin", begin)
    monkeypatch.setattr(plan_module, "fetch", lambda sweep: "data")
    return names


def ending_with(code: int, in_stage: str, trials: int = 3, failing: bool = False) -> Begin:
    def begin(sweep: Sweep, ray: Ray) -> int:
        pretend(sweep, trials, failing=failing)
        return code if sweep.name == in_stage else 0

    return begin


def plan(where: Path, *words: str, ray: Ray = session) -> None:
    with compose([*WORDS, PLAN, f"results={where}", *words]) as composition:
        start(composition, ray)


def test_runs_its_stages_in_order_and_leaves_a_table(
    tmp_path: Path, begun: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    plan(tmp_path)
    assert begun == ["p-1", "p-2"]
    content = yaml.safe_load((tmp_path / "p" / "plan.yaml").read_text())
    assert content["stages"] == ["p-1", "p-2"]
    assert [stage["experiment"] for stage in content["plan"]] == ["quickstart", "quickstart"]
    output = capsys.readouterr().out
    assert re.findall(r"Stage \d of 2  p-\d", output) == ["Stage 1 of 2  p-1", "Stage 2 of 2  p-2"]
    second = results_folder.read_sweep(results_folder.find(tmp_path, "p-2"))
    width = second["config"]["model"]["width"]
    assert f"fixed: model.width={width}" in output
    assert f"model.width={width}" in second["overrides"]
    assert len(second["config"]["points"]) == 2
    assert re.search(r"^2 +p-2 +3 ", output, flags=re.MULTILINE)


def test_interrupted_it_says_how_to_go_on_and_does(
    tmp_path: Path, begun: list[str], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr(plan_module, "begin", ending_with(130, "p-1"))
        with pytest.raises(SystemExit) as ended:
            plan(tmp_path)
    assert ended.value.code == 130
    assert f'make resume SWEEP=p ARGS="results={tmp_path}"' in capsys.readouterr().out
    gone_on: list[tuple[str, Sequence[str]]] = []

    def resume_sweep(results: Path, name: str, given: Sequence[str], ray: Ray) -> int | str:
        gone_on.append((name, given))
        return 0

    monkeypatch.setattr(plan_module, "resume_sweep", resume_sweep)
    given = [f"results={tmp_path}", "max_concurrent=2"]
    assert resume(tmp_path, "p", given) == 0
    assert gone_on == [("p-1", given)]
    assert begun == ["p-2"]
    assert (
        "max_concurrent=2"
        in results_folder.read_sweep(results_folder.find(tmp_path, "p-2"))["overrides"]
    )

    (tmp_path / "p-2" / "sweep.yaml").unlink()  # as if it had been killed while it was made
    monkeypatch.setattr(plan_module, "resume_sweep", lambda *_: "p-1 is finished")
    assert resume(tmp_path, "p", given) == 0
    assert begun == ["p-2", "p-2"]

    with pytest.raises(ConfigError, match="a plan is not extended as a whole; extend one of its"):
        resume(tmp_path, "p", ["budget.trials=+3"])


def test_a_stage_without_a_score_ends_it(
    tmp_path: Path, begun: list[str], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(plan_module, "begin", ending_with(1, "p-1", failing=True))
    with pytest.raises(SystemExit) as ended:
        plan(tmp_path)
    assert ended.value.code == 1
    assert "The plan ends here: no trial of p-1 has a score" in capsys.readouterr().out
    assert not (tmp_path / "p-2").exists()


@pytest.mark.parametrize("name", ["p", "p-2"])
def test_a_name_that_is_taken_is_refused_before_anything(
    tmp_path: Path, begun: list[str], name: str
) -> None:
    (tmp_path / name / "trials").mkdir(parents=True)
    with pytest.raises(ConfigError, match="exists and is never overwritten"):
        plan(tmp_path)
    assert begun == []


def test_every_stage_is_checked_before_the_first_begins(tmp_path: Path, begun: list[str]) -> None:
    bad = PLAN.replace("'model.dropout=", "'model.drpout=")
    with (
        compose([*WORDS, bad, f"results={tmp_path}"]) as composition,
        pytest.raises(ConfigError, match=r"^plan\[1\] \(experiment=quickstart\): .*drpout"),
    ):
        start(composition)
    assert begun == []
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_record_says_so(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "plan.yaml").write_text("version: [")
    with pytest.raises(ConfigError, match="is damaged: it is no record of a plan"):
        resume(tmp_path, "p", [])


def test_the_preview_shows_all_stages_and_runs_none(
    tmp_path: Path, begun: list[str], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    shown: list[str] = []
    monkeypatch.setattr(preview, "show", lambda sweep, console: shown.append(sweep.name))
    plan(tmp_path, "preview=true")
    assert "fixed by previous stages: model.width" in capsys.readouterr().out
    assert shown == ["p-1", "p-2"]
    assert begun == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.machines
@pytest.mark.long  # test_resume.py kills a sweep that is no stage of a plan
def test_killed_and_resumed_it_goes_the_same_way(tmp_path: Path, without_ray: Ray) -> None:
    """A process of its own is killed in the midst of the first stage; the rest runs here."""
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    plan(calm, ray=without_ray)
    process = command("sweeps", *WORDS, PLAN, f"results={killed}")
    wait_for_epochs(process, killed / "p-1" / "study.log", 5)
    kill(process)
    before = saved(killed / "p-1")
    assert not (killed / "p-2").exists()

    assert resume(killed, "p", [f"results={killed}"], without_ray) == 0
    after = saved(killed / "p-1")
    assert {path: after[path] for path in before} == before, "a finished epoch was trained again"
    for stage in ("p-1", "p-2"):
        assert table(killed / stage) == table(calm / stage)
        one, other = (
            results_folder.read_sweep(results_folder.find(where, stage))["config"]
            for where in (killed, calm)
        )
        assert len(one["points"]) == (2 if stage == "p-2" else 0)
        assert {**one, "results": ""} == {**other, "results": ""}


def test_what_is_trusted_is_in_the_command_that_goes_on(
    tmp_path: Path, begun: list[str], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(plan_module, "begin", ending_with(130, "p-1"))
    with pytest.raises(SystemExit):
        plan(tmp_path, "trust=[mylab]")
    go_on = f"make resume SWEEP=p ARGS=\"results={tmp_path} 'trust=[mylab]'\""
    assert go_on in capsys.readouterr().out
    gone_on: list[Sequence[str]] = []
    monkeypatch.setattr(plan_module, "resume_sweep", lambda *given: gone_on.append(given[2]) or 130)
    assert resume(tmp_path, "p", [f"results={tmp_path}"]) == 130
    assert gone_on == [[f"results={tmp_path}"]], "what its record trusts is not what I trust"
    assert "trust=" not in capsys.readouterr().out
