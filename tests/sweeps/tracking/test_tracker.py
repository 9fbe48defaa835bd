"""Each choice of conf/track builds its tracker; without one wandb is not imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from sweeps.tracking import NullTracker, Tracker, WandbTracker
from tests.sweeps.tracking.tracked import (
    ROOT,
    UID,
)

pytestmark = pytest.mark.machines


SILENT_SWEEP = """
import os, sys
from pathlib import Path
from hydra.utils import instantiate
from omegaconf import OmegaConf
config = OmegaConf.load(sys.argv[1])
track = instantiate(config, name="s", uid="u", folder=Path(sys.argv[2]))
track.trial_started("0000", {}, 0)
track.epoch("0000", 1, {"val_acc": 0.5}, None, True)
track.trial_ended("0000", "complete", "", {})
track.close()
print("wandb" in sys.modules, *track.notes())
"""


@pytest.mark.parametrize(
    ("group", "mode", "said"),
    [
        ("none", "auto", "False"),
        ("wandb", "disabled", "False W&B: off (WANDB_MODE=disabled)"),
    ],
)
def test_wandb_is_never_imported_when_nothing_is_logged(
    folder: Path, group: str, mode: str, said: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SILENT_SWEEP, str(ROOT / f"conf/track/{group}.yaml"), str(folder)],
        cwd=ROOT,
        env={**os.environ, "WANDB_MODE": mode},
        capture_output=True,
        text=True,
    )
    assert (done.stdout.strip(), done.stderr) == (said, "")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("group", "kind"), [("none", NullTracker), ("wandb", WandbTracker)])
def test_each_config_builds_its_tracker(folder: Path, group: str, kind: type[Tracker]) -> None:
    path = ROOT / "conf" / "track" / f"{group}.yaml"
    assert path.read_text().startswith(f'# make sweep ARGS="track={group}"\n')
    track = instantiate(OmegaConf.load(path), name="s", uid=UID, folder=folder)
    assert isinstance(track, kind)
    track.close()
    track.close()  # again: nothing
