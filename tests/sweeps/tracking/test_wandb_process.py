"""wandb-core is started, known to be dead once it is, and killed when asked."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeps.tracking.wandb_process import Core, scratch
from tests.sweeps.tracking.tracked import HARD_LIMIT_S

pytestmark = pytest.mark.machines


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> Iterator[None]:
    """A folder for what wandb keeps, as the tracker gives it one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_DATA_DIR", str(tmp_path / "data"))
        patch.setenv("WANDB_CACHE_DIR", str(tmp_path / "cache"))
        yield


def test_it_is_started_and_ends_with_the_teardown() -> None:
    core = Core()
    core.start()
    process = core._process
    assert process is not None
    assert not core.died()
    core.teardown()
    assert process.wait(HARD_LIMIT_S) == 0


def test_its_death_is_seen_and_it_is_started_again() -> None:
    core = Core()
    core.start()
    first = core._process
    assert first is not None
    first.send_signal(signal.SIGKILL)
    assert core.died(within_s=HARD_LIMIT_S)
    core.start()
    assert not core.died()
    assert core._process is not first
    core.kill()
    assert core.killed
    assert core._process.wait(HARD_LIMIT_S) == -signal.SIGKILL
    core.teardown()


def test_temporary_files_are_in_a_folder_that_goes_with_the_process() -> None:
    """What wandb and a core that is killed would leave; later processes remove it."""
    core, before = Core(), tempfile.gettempdir()
    core.start()
    assert tempfile.gettempdir() == str(scratch())
    first = core._process
    assert first is not None
    environment = Path(f"/proc/{first.pid}/environ")
    if environment.exists():
        assert f"\0TMPDIR={scratch()}\0".encode() in b"\0" + environment.read_bytes()
    first.send_signal(signal.SIGKILL)
    assert core.died(within_s=HARD_LIMIT_S)
    core.start()
    assert tempfile.gettempdir() == str(scratch()), "as it is started again"
    core.teardown()
    assert tempfile.gettempdir() == before
