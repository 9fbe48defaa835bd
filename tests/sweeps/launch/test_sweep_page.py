"""A sweep's page is made while it runs, costs it nothing, and cannot make it fail."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeps.launch import sweep_page
from sweeps.launch.sweep_page import refreshed, write_at_end
from sweeps.page.report_file import NAME
from sweeps.results_folder import Folder
from tests.sweeps.conftest import Ran
from tests.sweeps.transfer.test_previous_sweeps import LR, run
from tests.sweeps.waiting import until

#: Adds a line to a file in the folder, tells its cost, and ends.
QUICK = "import sys; open(sys.argv[1] + '/made', 'a').write('x'); print(0.01)"
#: Leaves a part of a page, and waits until its input ends.
STUCK = "import sys; open(sys.argv[1] + '/.tmp_report.html_1', 'w').close(); sys.stdin.read()"


def test_pages_are_made_one_after_the_other(tmp_path: Path) -> None:
    made = tmp_path / "made"
    with refreshed(Folder(tmp_path), (sys.executable, "-c", QUICK), first_s=0.0, share=1.0):
        until(lambda: made.exists() and len(made.read_text()) > 1)


def test_the_one_that_is_made_ends_with_the_block(tmp_path: Path) -> None:
    cut = tmp_path / ".tmp_report.html_1"
    with refreshed(Folder(tmp_path), (sys.executable, "-c", STUCK), first_s=0.0):
        until(cut.exists)
    assert not cut.exists(), "nothing is left of it"


def test_a_command_that_fails_or_is_not_there_is_nobodys_concern(tmp_path: Path) -> None:
    failing = (sys.executable, "-c", "import sys; open(sys.argv[1] + '/ran', 'w'); sys.exit(1)")
    with refreshed(Folder(tmp_path), failing, first_s=0.0):
        until((tmp_path / "ran").exists)
    with refreshed(Folder(tmp_path), ("/nowhere",), first_s=0.0):
        pass


def test_the_real_one_makes_the_page(tmp_path: Path) -> None:
    run(tmp_path, "a", LR, trials=2).close()
    with refreshed(Folder(tmp_path / "a"), first_s=0.0):
        until((tmp_path / "a" / NAME).exists)


def test_a_sweep_ends_with_its_page_and_says_where(
    sweep_without_ray: Callable[..., Ran], capsys: pytest.CaptureFixture[str]
) -> None:
    ran = sweep_without_ray("epochs=1", "model.width=8,16", "budget.trials=2")
    output = capsys.readouterr().out
    assert (ran.folder.path / NAME).is_file()
    assert (ran.folder.path / "sheet.xlsx").is_file()
    assert str(Path(ran.folder.path.name, NAME)) in output


def test_a_page_that_cannot_be_made_fails_no_sweep(
    sweep_without_ray: Callable[..., Ran],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def wrong(folders: list[Folder]) -> Path:
        raise KeyError("a fault of ours")

    monkeypatch.setattr(sweep_page.report_file, "write", wrong)
    ran = sweep_without_ray("epochs=1", "model.width=8,16", "budget.trials=2")
    assert ran.code == 0
    assert "report.html could not be made (KeyError: 'a fault of ours')" in capsys.readouterr().out
    assert write_at_end(ran.folder).shown is None


def test_what_w_and_b_cannot_show_fails_no_sweep(
    sweep_without_ray: Callable[..., Ran],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def wrong(*args: object) -> None:
        raise KeyError("a fault of ours")

    monkeypatch.setattr(sweep_page.summary_run, "results", wrong)
    ran = sweep_without_ray("epochs=1", "model.width=8,16", "budget.trials=2")
    assert ran.code == 0
    said = capsys.readouterr().out
    assert "what W&B shows of the sweep could not be made (KeyError: 'a fault of ours')" in said
    assert (ran.folder.path / NAME).is_file()
