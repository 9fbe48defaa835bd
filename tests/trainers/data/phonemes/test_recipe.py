"""How utterances become rows, against numpy; and what a recipe refuses."""

from __future__ import annotations

import numpy as np
import pytest

from trainers.data.phonemes.recipe import Recipe
from trainers.errors import ConfigError

FRAMES = np.random.default_rng(0).normal(5, 3, (40, 4)).astype(np.float32)


def test_each_utterance_is_freed_of_its_mean_and_variance() -> None:
    rows = Recipe("mean_variance", "utterance", "float32").normalised(FRAMES)
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(rows.std(axis=0), 1, atol=1e-5)


def test_or_of_its_mean_or_of_nothing() -> None:
    centred = Recipe("mean", "utterance", "float32").normalised(FRAMES)
    np.testing.assert_allclose(centred, FRAMES - FRAMES.mean(axis=0), atol=1e-5)
    same = Recipe("none", "utterance", "float32").normalised(FRAMES)
    np.testing.assert_array_equal(same, FRAMES)


def test_the_frames_that_were_read_stay_as_they_are() -> None:
    before = FRAMES.copy()
    Recipe("mean_variance", "utterance", "float32").normalised(FRAMES)
    np.testing.assert_array_equal(FRAMES, before)


def test_a_feature_that_never_varies_becomes_zeros() -> None:
    rows = Recipe("mean_variance", "utterance", "float32").normalised(np.full_like(FRAMES, 2.0))
    assert not rows.any()


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (("variance", "utterance", "float16"), r"data\.cepstral must be one of mean_variance, "),
        (("mean", "zeros", "float16"), r"data\.padding must be one of utterance, concatenation,"),
        (
            ("mean", "utterance", "int8"),
            r"data\.dtype must be one of float16, float32, not int8: set",
        ),
    ],
)
def test_anything_else_is_refused(recipe: tuple[str, str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Recipe(*recipe)
