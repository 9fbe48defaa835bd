"""Generate synthetic speech frames, for tests and for trying things without data.

They are not speech, and no figure got on them says anything about real data. They have what makes
context windows, depth and normalisation matter: phones of different length and frequency,
formant-like targets that are approached but not reached (undershoot), smooth transitions over the
boundaries, and speakers who differ in vocal tract, tempo, loudness and noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from trainers.data.dataset import Dataset
from trainers.data.phonemes.cache import here as cached_here
from trainers.data.phonemes.cache import open_or_build
from trainers.data.phonemes.frames import dataset
from trainers.data.phonemes.hw1p2 import PHONEMES
from trainers.data.phonemes.recipe import Recipe
from trainers.data.phonemes.source import PARTS, Floats, Ints, Reader, Source, Utterance
from trainers.errors import ConfigError

#: Training utterances for each one that validates, and each one that tests.
_SHARE = 5
_SPEAKERS = 24


def load(
    root: str | None,
    cache: str,
    utterances: int,
    features: int,
    seed: int,
    fraction: float,
    split_seed: int,
    cepstral: str,
    padding: str,
    context: int,
    dtype: str,
    scaling: str,
) -> Dataset:
    """Generate frames, and load them as `trainers.data.phonemes.hw1p2.load` does.

    Args:
        root: unused; there for the keys to be the same as other data sets'.
        cache: folder in which the generated frames are kept.
        utterances: number of training utterances, of 3 seconds or so; a fifth as many validate,
            and as many test.
        features: number of features of a frame.
        seed: seed of the generator. Utterance n is the same however many there are.
    """
    place = _cached(cache, utterances, features, seed, Recipe(cepstral, padding, dtype))
    rows = open_or_build(*place, thorough=False)
    return dataset(rows, fraction, split_seed, context, scaling)


def here(**keys: Any) -> bool:
    """Return whether the frames have been generated before; takes the keys of `load`."""
    recipe = Recipe(keys["cepstral"], keys["padding"], keys["dtype"])
    made = (keys["utterances"], keys["features"], keys["seed"])
    return cached_here(*_cached(keys["cache"], *made, recipe))


def _cached(
    cache: str, utterances: int, features: int, seed: int, recipe: Recipe
) -> tuple[Path, str, Recipe, _Layout]:
    for key, value in (("utterances", utterances), ("features", features)):
        if value < 1:
            raise ConfigError(f"data.{key} must be 1 or more, not {value}: set data.{key}=…")
    name = f"synthetic-{utterances}-{features}-{seed}"
    return Path(cache), name, recipe, _Layout(utterances, features, seed)


@dataclass(frozen=True)
class _Layout:
    utterances: int
    features: int
    seed: int

    def glance(self) -> str:
        """Return the signature, which never changes."""
        return self.signature()

    def require(self) -> None:
        """Look for nothing: all is generated."""

    def signature(self) -> str:
        """Return the signature, which never changes."""
        return "synthetic"

    def source(self) -> Source:
        """Make the readers of all utterances."""
        language = Language(self.features, self.seed)
        counts = dict.fromkeys(PARTS, max(1, self.utterances // _SHARE))
        counts["train"] = self.utterances
        parts: dict[str, Sequence[Reader]] = {
            part: [partial(language.utterance, number, index) for index in range(counts[part])]
            for number, part in enumerate(PARTS)
        }
        return Source(parts, PHONEMES)


class Language:
    """Generates utterances: phones of a frequency and a length each, and speakers; by a seed."""

    def __init__(self, features: int, seed: int) -> None:
        self.features, self.seed = features, seed
        random = np.random.default_rng((seed, 0))
        phones = len(PHONEMES)
        self.targets = random.normal(0, 1.0, (phones, features))
        self.targets[0] = -2.0 * np.linspace(1, 0, features)  # silence: no energy
        self.length = random.uniform(4, 14, phones)  # frames, on average
        self.often = 1 / np.arange(3, phones + 2) ** 0.8  # Zipf-like, of all but silence
        self.often /= self.often.sum()
        self.tract = random.normal(0, 0.35, (_SPEAKERS, features))
        self.scale = random.uniform(0.8, 1.25, (_SPEAKERS, features))
        self.tempo = random.uniform(0.8, 1.3, _SPEAKERS)
        self.drift = random.normal(0, 1, (6, features))  # directions that articulation drifts in

    def utterance(self, part: int, index: int) -> Utterance:
        """Generate one utterance of a part (0 to 2), by its number alone."""
        random = np.random.default_rng((self.seed, 1 + part, index))
        speaker = int(random.integers(_SPEAKERS))
        labels = self._said(random, self.tempo[speaker])
        frames = self._heard(random, labels, speaker)
        origin = f"synthetic {PARTS[part]} utterance {index}"
        return Utterance(origin, frames.astype(np.float32), labels)

    def _said(self, random: np.random.Generator, tempo: float) -> Ints:
        """Generate (T,) phonemes: words of a few phones between silences."""
        phones = [0]
        for _ in range(int(random.integers(4, 9))):
            size = int(random.integers(2, 7))
            phones += (1 + random.choice(len(self.often), size, p=self.often)).tolist()
            phones += [0] if random.random() < 0.6 else []
        phones += [0]
        spoken = np.array(phones)
        mean = self.length[spoken] / tempo * np.where(spoken == 0, 1.6, 1.0)
        lengths = np.maximum(2, np.round(random.gamma(6.0, mean / 6.0))).astype(int)
        return np.repeat(spoken, lengths).astype(np.uint8)

    def _heard(self, random: np.random.Generator, labels: Ints, speaker: int) -> Floats:
        """Generate (T, D) frames: targets smoothed as an articulator moves, with a voice."""
        path = self.targets[labels]
        for width in (9, 5):  # two passes of a moving mean: the reach of coarticulation
            kernel = np.hanning(width + 2)[1:-1]
            kernel /= kernel.sum()
            padded = np.pad(path, ((width // 2, width // 2), (0, 0)), mode="edge")
            windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=0)
            path = windows @ kernel
        time = np.arange(len(labels))[:, None]
        rates, phases = random.uniform(0.01, 0.05, 6), random.uniform(0, 2 * np.pi, 6)
        wander = 0.25 * np.sin(rates * time + phases) @ self.drift
        noise = random.normal(0, 0.75, path.shape)
        voiced = path * self.scale[speaker] + self.tract[speaker] + wander + noise
        heard: Floats = voiced * random.uniform(0.7, 1.4)
        return heard
