"""Each contender is compared with the sweep without tracking of its own turn."""

from __future__ import annotations

import pytest

from sweeps.bench.tracking import DEFAULTS, Tracked, _figures, _options, main, sweep
from tests.sweeps.bench.refused import refusal


@pytest.mark.parametrize("word", ["seeds=3", "runs=0", "epochs=three"])
def test_refuses_a_bad_option(
    word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    message = f"{word}: this benchmark takes runs=3 and epochs=40"
    assert refusal(main, monkeypatch, capsys, word) == message


def test_takes_its_options_and_else_the_defaults() -> None:
    assert _options([]) == DEFAULTS
    assert _options(["epochs=2", "runs=1"]) == {"runs": 1, "epochs": 2}


def test_ratios_are_of_the_same_turn() -> None:
    runs = {
        "without": [Tracked(1.0, 2.0, 3.0), Tracked(2.0, 4.0, 6.0)],
        "offline": [Tracked(1.5, 2.0, 6.0), Tracked(3.0, 4.0, 12.0)],
    }
    figures = dict(_figures(runs, "epoch_s"))
    assert figures["training of an epoch, offline / without"].value == 1.5
    assert figures["training of an epoch, offline"].high == 3.0


@pytest.mark.machines
def test_a_sweep_is_measured() -> None:
    tracked = sweep(["track=none"], epochs=2)
    assert 0 < tracked.epoch_s <= tracked.held_s
    assert tracked.cpu_s > tracked.epoch_s
