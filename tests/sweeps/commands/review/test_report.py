"""`make report` says where the page is, and refuses in a line what it cannot do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sweeps import cli
from sweeps.commands.review.report import main
from sweeps.page import report_file
from sweeps.recorded.recorded_sweep import RecordedSweep, read
from sweeps.results_folder import Folder
from tests.sweeps.report.reports import at_server
from tests.sweeps.transfer.test_previous_sweeps import LR, run
from tests.wandb_server import WandbServer


def test_the_page_of_one_and_of_several(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "QUIET_S", 60.0)  # a busy machine is told what it waits for
    for name in ("a", "b"):
        run(tmp_path, name, LR, trials=3).close()
    for words, place in (
        (["a"], "a/report.html"),
        (["a b"], "report-a-b.html"),
        (["a", "b", f"out={tmp_path}/x.html"], "x.html"),
    ):
        monkeypatch.setattr(sys, "argv", ["report", *words, f"results={tmp_path}"])
        main()
        output = capsys.readouterr().out
        path = tmp_path / place
        assert f"{path}  {path.stat().st_size / 1024:.0f} kB\n" in output
        assert path.as_uri() in output


@pytest.mark.machines
def test_to_wandb_is_made_then_updated_and_the_page_links_to_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "QUIET_S", 60.0)
    monkeypatch.setenv("WANDB__SERVICE_WAIT", "600")
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("a", "b"):
        run(tmp_path, name, LR, "track=wandb", trials=3).close()
    with WandbServer() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", server.key)
        runs = {name: at_server(server, read(Folder(tmp_path / name))) for name in ("a", "b")}
        del server.runs[runs["a"][2].name]
        for words, place, how in (
            (["a"], "a/report.html", "made"),
            (["a"], "a/report.html", "updated"),
            (["a b"], "report-a-b.html", "made"),
        ):
            monkeypatch.setattr(sys, "argv", ["report", *words, "to=wandb", f"results={tmp_path}"])
            main()
            output = capsys.readouterr().out.splitlines()
            _, told, note, *more = output[
                output.index(next(o for o in output if o.startswith("open it"))) :
            ]
            assert more == []
            address = told.removeprefix(f"the report at W&B is {how}: ")
            assert address.startswith(f"{server.url}/someone/caviar/reports/")
            assert f'<a href="{address}"' in (tmp_path / place).read_text()
            assert note.startswith("2 of 3 trials of a are at W&B: make sync SWEEP=a")
        assert len(server.views) == 2


def test_what_fails_is_a_line_and_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(sweep: RecordedSweep) -> None:
        raise ValueError("no findings of this")

    run(tmp_path, "a", LR, trials=1).close()
    monkeypatch.setattr(report_file, "findings", broken)
    monkeypatch.setattr(sys, "argv", ["report", "a", "to=wandb", f"results={tmp_path}"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    *_, stays, line = capsys.readouterr().out.splitlines()
    assert stays == "the report at W&B stays as it is: there are no findings to publish"
    assert line.startswith("the findings could not be made (ValueError: no findings of this)")
    assert (tmp_path / "a" / "report.html").is_file()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "name a sweep: make report SWEEP=quickstart"),
        (["none"], "SWEEP=none: no such sweep"),
        (["a", "rows=3"], "rows=3: it is true or false"),
        (["a", "to=mail"], "to=mail: it can be wandb alone"),
        (["a", "to="], "to=: it can be wandb alone"),
        (["a", "outt=x"], "did you mean out"),
        (["a", "out=/proc/x/y.html"], "name another place, out=…"),
        (["empty"], "let the sweep run first"),
    ],
)
def test_refuses_in_a_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    told: str,
) -> None:
    run(tmp_path, "a", LR, trials=1).close()
    run(tmp_path, "empty", LR, trials=1).close()
    (tmp_path / "empty" / "study.log").unlink()
    monkeypatch.setattr(sys, "argv", ["report", *words, f"results={tmp_path}"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
