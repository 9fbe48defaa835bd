"""The option of the bench, and the data it generates; measuring is done by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from sweeps.bench import trainer
from sweeps.bench.trainer import main
from tests.sweeps.bench.refused import refusal
from trainers.config import compose
from trainers.data import resident


@pytest.mark.parametrize("word", ["root=data/hw1p2", "data.root=", "data/hw1p2"])
def test_refuses_a_bad_option(
    word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refusal(main, monkeypatch, capsys, word) == (
        f"{word}: this bench takes data.root=data/hw1p2, or no option"
    )


def test_generated_speech_is_read_as_homework_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "UTTERANCES", 3)
    root = trainer._generated(tmp_path / "data", Console(quiet=True))
    words = ["task=phonemes", "data=hw1p2", f"data.root={root}", f"data.cache={tmp_path}/cache"]
    dataset = resident.prepare(compose(words).data)
    frames = [np.load(path) for path in sorted((root / "train-clean-100" / "mfcc").glob("*.npy"))]
    assert len(frames) == 3
    assert len(dataset.train) == sum(map(len, frames))
    seconds, megabytes = trainer._open_files(str(root))
    assert seconds > 0
    assert megabytes >= 0
