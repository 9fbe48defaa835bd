"""The surroundings of every test of the tracker."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sweeps.tracking.tracked import HARD_LIMIT_S, OPEN


@pytest.fixture(autouse=True)
def surroundings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[None]:
    """No key, an empty home, a hard limit, and nothing printed by any test's tracker."""
    for name in [name for name in os.environ if name.startswith("WANDB")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("NETRC", raising=False)
    # A stop in the UI reaches a client with its next file stream: ask more often than each 15 s.
    monkeypatch.setenv("WANDB__FILE_STREAM_TRANSMIT_INTERVAL", "0.2")
    # For wandb-core to start. It is 30 s otherwise, which a busy machine may take.
    monkeypatch.setenv("WANDB__SERVICE_WAIT", str(HARD_LIMIT_S))

    def give_up(number: int, frame: object) -> None:
        raise TimeoutError(f"the test took more than {HARD_LIMIT_S:g} s")

    signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, HARD_LIMIT_S)
    # As under Hydra: what wandb logs must not come out of the driver's own handlers.
    console = logging.StreamHandler(sys.stdout)
    logging.getLogger().addHandler(console)
    yield
    while OPEN:  # all are closed, unless the test has failed: then nothing is to wait for them
        OPEN.pop().close()
    logging.getLogger().removeHandler(console)
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert capfd.readouterr() == ("", "")
    assert [path.name for path in home.iterdir() if path.name != "wandb"] == []
    ours = {"BASE_URL", "API_KEY", "MODE"}
    left = {name for name in os.environ if name.startswith("WANDB") and "WANDB__" not in name}
    assert left <= {f"WANDB_{name}" for name in ours}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "results" / "quick start"
    path.mkdir(parents=True)
    return path
