"""Turn utterances into rows of a cache: normalised, kept apart, in a number format."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from trainers.config.hydra_grammar import written
from trainers.data.phonemes.source import Floats
from trainers.errors import ConfigError

#: Rows of zeros between utterances, and so the most that a window may reach.
GAP = 64

CEPSTRAL = ("mean_variance", "mean", "none")
PADDING = ("utterance", "concatenation")
DTYPES = {"float16": torch.float16, "float32": torch.float32}


@dataclass(frozen=True)
class Recipe:
    """Describes how utterances become rows.

    Attributes:
        cepstral: normalisation of each feature of an utterance over time: mean_variance, mean or
            none.
        padding: whether rows of zeros keep utterances apart, or only the ends of the whole.
        dtype: number format of the rows: float16 or float32.
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
                    f"data.{key} must be one of {', '.join(names)}, not {written(value)}: set "
                    f"data.{key}=…"
                )

    def normalised(self, frames: Floats) -> Floats:
        """Normalise (T, D) float32 frames over time."""
        if self.cepstral == "none":
            return frames
        centred: Floats = frames - frames.mean(axis=0)
        if self.cepstral == "mean_variance":
            centred /= centred.std(axis=0) + 1e-8
        return centred
