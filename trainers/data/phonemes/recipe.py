"""How utterances become the rows of a cache: normalised over time, kept apart, in which type."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from trainers.data.phonemes.source import Floats
from trainers.errors import ConfigError

#: Rows of zeros between utterances, and so the most that a window may reach.
GAP = 64

CEPSTRAL = ("mean_variance", "mean", "none")
PADDING = ("utterance", "concatenation")
DTYPES = {"float16": torch.float16, "float32": torch.float32}


@dataclass(frozen=True)
class Recipe:
    """How utterances become rows.

    Attributes:
        cepstral: what each feature of an utterance is freed of: mean and variance over time, the
            mean, nothing.
        padding: whether rows of zeros keep utterances apart, or only the ends of the whole.
        dtype: of the rows.
    """

    cepstral: str
    padding: str
    dtype: str

    def __post_init__(self) -> None:
        for key, value, names in (
            ("cepstral", self.cepstral, CEPSTRAL),
            ("padding", self.padding, PADDING),
            ("dtype", self.dtype, tuple(DTYPES)),
        ):
            if value not in names:
                raise ConfigError(
                    f"data.{key} must be one of {', '.join(names)}, not {value!r}: set data.{key}=…"
                )

    def normalised(self, frames: Floats) -> Floats:
        """(T, D) float32 frames, normalised over time."""
        if self.cepstral == "none":
            return frames
        centred: Floats = frames - frames.mean(axis=0)
        if self.cepstral == "mean_variance":
            centred /= centred.std(axis=0) + 1e-8
        return centred
