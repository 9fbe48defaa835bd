"""Synthetic speech: the same from the same seed, and hard in the ways that real speech is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trainers.config import compose
from trainers.data import resident
from trainers.data.phonemes.hw1p2 import PHONEMES
from trainers.data.phonemes.source import PARTS
from trainers.data.phonemes.synthetic import Language
from trainers.errors import ConfigError
from trainers.fit import fit


def test_synthetic_learns_better_with_context(tmp_path: Path) -> None:
    best = []
    for context in (0, 8):
        words = ["data=synthetic_phonemes", "task=phonemes", f"data.cache={tmp_path}"]
        words += ["data.utterances=60", f"data.context={context}", "epochs=3", "batch_size=256"]
        best.append(max(e.metrics["val_accuracy"] for e in fit(compose(words))))
    assert 0.4 < best[0] < best[1] - 0.05


def test_synthetic_utterances_are_the_same_however_many() -> None:
    few, many = Language(13, seed=3), Language(13, seed=3)
    one, other = few.utterance(0, 5), many.utterance(0, 5)
    assert np.array_equal(one.frames, other.frames)
    assert not np.array_equal(one.frames[:5], Language(13, seed=4).utterance(0, 5).frames[:5])


def test_parts_and_utterances_differ_and_each_is_whole() -> None:
    language = Language(13, seed=3)
    heard = [language.utterance(part, index) for part in range(len(PARTS)) for index in range(3)]
    assert len({utterance.frames.tobytes() for utterance in heard}) == 9
    for utterance in heard:
        assert utterance.labels is not None
        assert utterance.frames.shape == (len(utterance.labels), 13)
        assert utterance.frames.dtype == np.float32
        assert np.isfinite(utterance.frames).all()
        assert utterance.labels[0] == utterance.labels[-1] == 0, "silence at both ends"
        assert int(utterance.labels.max()) < len(PHONEMES)


def test_a_phone_lasts_for_frames_and_some_are_rarer_than_others() -> None:
    language = Language(4, seed=0)
    said = [np.asarray(language.utterance(0, index).labels) for index in range(60)]
    changes = sum(int((np.diff(labels) != 0).sum()) for labels in said)
    assert changes < sum(map(len, said)) / 3, "a frame is most often like the one before it"
    counts = np.bincount(np.concatenate(said), minlength=len(PHONEMES))
    assert counts[1:].max() > 5 * np.median(counts[1:])


@pytest.mark.parametrize("key", ["utterances", "features"])
def test_too_few_are_refused_before_anything_is_written(key: str, tmp_path: Path) -> None:
    words = ["data=synthetic_phonemes", f"data.cache={tmp_path / 'c'}", f"data.{key}=0"]
    with pytest.raises(ConfigError, match=rf"data\.{key} must be 1 or more, not 0"):
        resident.prepare(compose(words).data)
    assert not (tmp_path / "c").exists()


def test_it_is_here_once_it_was_generated(tmp_path: Path) -> None:
    words = ["data=synthetic_phonemes", f"data.cache={tmp_path / 'c'}", "data.utterances=10"]
    data = compose(words).data
    assert not resident.here(data)
    dataset = resident.prepare(data)
    assert resident.here(data)
    assert len(dataset.classes) == 40
    assert dataset.test.labelled
