"""A sweep on record whose texts are as bad as they may be, its page, and a browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sweeps.page.page import page
from sweeps.page.report_file import reviewed_of
from sweeps.page.reviewed import Reviewed
from sweeps.recorded.recorded_sweep import RecordedSweep, read
from sweeps.recorded.remarks import Remark
from sweeps.results_folder import Folder
from sweeps.trials import State
from tests.sweeps.page.chromium import PROGRAM, Tab, chromium
from tests.sweeps.transfer.test_previous_sweeps import LR, run
from trainers.files import histograms
from trainers.files.histograms import Histogram

#: Would run, close an element or be a formula, if it were taken for more than text.
BAD = "</script><script>document.title='run'</script>\"'><img src=x onerror=alert(1)> =cmd() 😀"
TRIALS = 12


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> RecordedSweep:
    """Twelve trials; of three the weights were counted, one has failed for a bad reason."""
    where = tmp_path_factory.mktemp("results")
    run(where, "a", LR, "optimizer=adamw,sgd", "model.width=16,32", trials=TRIALS).close()
    sweep = read(Folder(where / "a"))
    shown = [one.trial.id for one in sweep.ranked[:2]]
    for trial in {*shown, "0000"}:
        histograms.save(
            sweep.folder.trials / trial,
            2,
            {name: Histogram(-1.0, 2.0, (1, 4, 2)) for name in ("weights/a.weight", BAD)},
        )
    *others, last = sweep.trials
    failed = replace(last, state=State.FAILED, reason=BAD, machine=BAD)
    remarks = (Remark("0001", BAD + "x" * 300, BAD, 1.8e9),)
    return replace(sweep, trials=(*others, failed), remarks=remarks)


@pytest.fixture(scope="session")
def reviewed(recorded: RecordedSweep) -> Reviewed:
    return reviewed_of(recorded)


@pytest.fixture(scope="session")
def text(reviewed: Reviewed) -> str:
    """Its page."""
    return page([reviewed])


@pytest.fixture(scope="session")
def address(text: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Its page as a file."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(text, encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    if PROGRAM is None:
        pytest.skip("there is no chromium on this machine")
    with chromium(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture
def tab(browser: Tab) -> Tab:
    """A tab as after the start of the browser: a desktop's window, in the light."""
    browser.size(1280, 900)
    browser.prefer("light")
    browser.open("about:blank")
    browser.messages.clear()
    browser.requests.clear()
    return browser
