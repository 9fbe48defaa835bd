"""What the checkpoints may take is told before a sweep, and how to lower it if it is much."""

from __future__ import annotations

import pytest

from sweeps.checked import volume
from sweeps.checked.check import check
from sweeps.config.composition import compose
from trainers.errors import ConfigError

WORDS = ("space=null", "model.width=8,16", "search=grid", "epochs=5", "stop=none")


def told(*words: str) -> str:
    with compose([*WORDS, *words]) as composition:
        return volume.shown(check(composition))


def measured(*words: str) -> volume.Volume:
    with compose([*WORDS, *words]) as composition:
        found = volume.measure(check(composition))
    assert isinstance(found, volume.Volume)
    return found


def test_it_is_bytes_an_epoch_times_epochs_times_trials() -> None:
    found = measured()
    assert (found.kept, found.trials, found.runs) == (5, 2, 1)
    assert found.on_disk == pytest.approx(10 * found.mean)
    assert found.at_wandb("all") == (pytest.approx(10 * found.mean), False)
    assert found.at_wandb("best") == (pytest.approx(2 * found.mean), False)
    assert found.at_wandb("none") == (0, False)
    seeds = measured("repeats=3", "checkpoint.keep=best_and_last")
    assert seeds.on_disk == pytest.approx(12 * seeds.mean)
    assert seeds.at_wandb("all")[0] == pytest.approx(4 * seeds.mean), "of the first run alone"


def test_above_the_limit_it_says_how_to_lower_it() -> None:
    assert "MORE THAN" not in told()
    much = told("track.warn_gb=1e-6")
    assert "MORE THAN 1e-06 GB" in much
    assert "track.checkpoints=best for " in much
    assert "track.checkpoints=none" in much
    assert "best for" not in told("track.warn_gb=1e-6", "track.checkpoints=best")
    assert told("track.checkpoints=none").startswith("metrics and tables, no checkpoints")
    assert told("track=none") == ""
    with pytest.raises(ConfigError, match=r"track\.warn_gb=much: give a number of GB"):
        told("track.warn_gb=much")
