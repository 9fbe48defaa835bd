"""The files of a cache, byte by byte; and the utterances that are refused while it is written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from trainers.data.phonemes.cache_writer import write_cache
from trainers.data.phonemes.recipe import GAP, Recipe
from trainers.data.phonemes.source import PARTS, Source, Utterance
from trainers.errors import DataError

PLAIN = Recipe("none", "utterance", "float32")


def utterance(name: str, length: int, label: int = 1, value: float = 2.0) -> Utterance:
    frames = np.full((length, 3), value, dtype=np.float32)
    return Utterance(name, frames, np.full(length, label))


@dataclass(frozen=True)
class Given:
    """A layout of utterances that are there already: those for training, and one for the rest."""

    train: tuple[Utterance, ...]
    other: Utterance
    classes: tuple[str, ...] | None = ("a", "b")

    def glance(self) -> str:
        return "glance"

    def signature(self) -> str:
        return "signature"

    def source(self) -> Source:
        utterances = {"train": self.train, "valid": (self.other,), "test": (self.other,)}
        parts = {part: [partial(lambda u: u, u) for u in utterances[part]] for part in PARTS}
        return Source(parts, self.classes)


def test_rows_lie_between_zeros_and_spans_say_where(tmp_path: Path) -> None:
    train = (utterance("one", 5), utterance("two", 2))
    write_cache(tmp_path, PLAIN, Given(train, utterance("other", 4)))
    spans = np.fromfile(tmp_path / "train.utterances", dtype=np.int64).reshape(-1, 2)
    assert spans.tolist() == [[GAP, 5], [GAP + 5 + GAP, 2]]
    rows = np.fromfile(tmp_path / "train.frames", dtype=np.float32).reshape(-1, 3)
    labels = np.fromfile(tmp_path / "train.labels", dtype=np.uint8)
    assert len(rows) == len(labels) == 3 * GAP + 7
    inside = np.zeros(len(rows), dtype=bool)
    for first, count in spans:
        inside[first : first + count] = True
    assert (rows[inside] == 2).all()
    assert not rows[~inside].any()
    assert labels.tolist() == inside.astype(int).tolist()


def test_joined_utterances_have_zeros_at_the_ends_only(tmp_path: Path) -> None:
    train = (utterance("one", 5), utterance("two", 2))
    joined = Recipe("none", "concatenation", "float32")
    write_cache(tmp_path, joined, Given(train, utterance("other", 4)))
    spans = np.fromfile(tmp_path / "train.utterances", dtype=np.int64).reshape(-1, 2)
    assert spans.tolist() == [[GAP, 5], [GAP + 5, 2]]


def test_meta_tells_what_was_written(tmp_path: Path) -> None:
    given = Given((utterance("one", 5, label=3),), utterance("other", 4), classes=None)
    write_cache(tmp_path, PLAIN, given)
    meta = json.loads((tmp_path / "meta.json").read_text())
    assert (meta["glance"], meta["signature"]) == ("glance", "signature")
    assert meta["classes"] == ["0", "1", "2", "3"], "as many as the largest label in training tells"
    assert meta["labels"] == "int16", "nobody knew how many classes there would be"
    assert meta["parts"]["train"] == {"rows": 2 * GAP + 5, "labelled": True}
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    del sizes["meta.json"]
    assert meta["bytes"] == sizes


def test_the_fingerprint_is_of_every_frame_and_label(tmp_path: Path) -> None:
    prints = set()
    for number, (label, value) in enumerate([(1, 2.0), (0, 2.0), (1, 2.5)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        write_cache(folder, PLAIN, Given((utterance("one", 5, label, value),), utterance("o", 4)))
        prints.add(json.loads((folder / "meta.json").read_text())["fingerprint"])
    assert len(prints) == 3


WIDE = Utterance("wide", np.zeros((4, 5), dtype=np.float32), np.ones(4))
SHORT = Utterance("short", np.zeros((4, 3), dtype=np.float32), np.ones(3))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (WIDE, "wide has 5 features a frame, and the files before it 3"),
        (SHORT, "short has 4 frames and 3 labels"),
        (utterance("low", 4, label=-1), "low has a label -1, below 0"),
        (utterance("high", 4, label=300), "high has a label 300, and labels may be up to 255"),
        (utterance("third", 4, label=2), "third has a label 2, and the training part has labels"),
        (Utterance("mute", np.zeros((4, 3), dtype=np.float32), None), "mute has no labels, which"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(tmp_path: Path, bad: Utterance, message: str) -> None:
    with pytest.raises(DataError, match=message):
        write_cache(tmp_path, PLAIN, Given((utterance("one", 5), bad), utterance("other", 4)))


def test_numbers_too_large_for_half_precision_are_refused(tmp_path: Path) -> None:
    half = Recipe("none", "utterance", "float16")
    loud = Given((utterance("loud", 4, value=1e6),), utterance("other", 4))
    with pytest.raises(DataError, match=r"too large for float16: set data\.dtype=float32"):
        write_cache(tmp_path, half, loud)
