"""Windows of frames, compared with how one would write them by hand."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainers.data.phonemes import cache, frames
from trainers.data.phonemes.frames import Frames, dataset, fits
from trainers.data.phonemes.recipe import CEPSTRAL, DTYPES, GAP, PADDING, Recipe
from trainers.data.phonemes.source import Source, Utterance
from trainers.errors import DataError

lengths = st.lists(st.integers(1, 9), min_size=1, max_size=5)


class Given:
    """A layout of utterances that are given."""

    def __init__(self, utterances: list[np.ndarray], classes: int = 40) -> None:
        self.utterances, self.classes = utterances, classes

    def glance(self) -> str:
        return "given"

    def signature(self) -> str:
        return "given"

    def source(self) -> Source:
        def reader(number: int, values: np.ndarray) -> Any:
            labels = (np.arange(len(values)) + number) % self.classes
            return lambda: Utterance(f"utterance {number}", values, labels)

        readers = [reader(number, values) for number, values in enumerate(self.utterances)]
        names = tuple(f"c{n}" for n in range(self.classes))
        return Source({"train": readers, "valid": readers[:1], "test": readers[:1]}, names)


def spoken(counts: list[int], features: int = 3) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.normal(2, 3, (n, features)).astype(np.float32) for n in counts]


def opened(folder: Path, utterances: list[np.ndarray], *recipe: str, classes: int = 40) -> Any:
    chosen = Recipe(*recipe) if recipe else Recipe("none", "utterance", "float32")
    return cache.open_or_build(folder, "given", chosen, Given(utterances, classes), True)


def by_hand(utterances: list[np.ndarray], context: int, padding: str) -> np.ndarray:
    """Windows as anybody would write them: pad, then slice, frame by frame."""
    groups = [np.concatenate(utterances)] if padding == "concatenation" else utterances
    found = []
    for group in groups:
        padded = np.pad(group, ((context, context), (0, 0)))
        found += [padded[t : t + 2 * context + 1] for t in range(len(group))]
    return np.stack(found)


@settings(max_examples=40, deadline=None)
@given(counts=lengths, context=st.integers(0, 12), padding=st.sampled_from(PADDING))
def test_windows(counts: list[int], context: int, padding: str) -> None:
    utterances = spoken(counts)
    with TemporaryDirectory() as folder:
        found = opened(Path(folder), utterances, "none", padding, "float32")
        part = dataset(found, 1.0, 0, context, "none").train
        x, y = part.batch(torch.arange(sum(counts)))
    assert np.array_equal(x.numpy(), by_hand(utterances, context, padding))
    expected = [(t + u) % 40 for u, n in enumerate(counts) for t in range(n)]
    assert y.tolist() == expected
    shuffled = torch.randperm(sum(counts), generator=torch.Generator().manual_seed(0))
    assert torch.equal(part.batch(shuffled)[0], x[shuffled])


def test_the_widest_window_there_is(tmp_path: Path) -> None:
    utterances = spoken([3, 200, 1])
    part = dataset(opened(tmp_path, utterances), 1.0, 0, GAP, "none").train
    x = part.inputs(torch.arange(204))
    assert np.array_equal(x.numpy(), by_hand(utterances, GAP, "utterance"))


@pytest.mark.parametrize("cepstral", CEPSTRAL)
@pytest.mark.parametrize("dtype", list(DTYPES))
def test_cepstral_normalisation_is_over_time(cepstral: str, dtype: str, tmp_path: Path) -> None:
    utterances = spoken([50, 80])
    found = opened(tmp_path, utterances, cepstral, "utterance", dtype)
    x = dataset(found, 1.0, 0, 0, "none").train.inputs(torch.arange(130))[:, 0].numpy()
    for values, heard in zip(utterances, np.split(x, [50]), strict=True):
        expected = values.astype(np.float64)
        if cepstral != "none":
            expected = expected - expected.mean(0)
        if cepstral == "mean_variance":
            expected = expected / expected.std(0)
        assert np.allclose(heard, expected, atol=2e-3 if dtype == "float16" else 1e-5, rtol=1e-3)


@pytest.mark.parametrize("scaling", ["standardise", "minmax"])
def test_scaling_is_fitted_on_the_frames_that_train(scaling: str, tmp_path: Path) -> None:
    utterances = spoken([50, 80, 60, 70])
    found = opened(tmp_path, utterances)
    data = dataset(found, 0.5, 0, 0, scaling)
    x = data.train.inputs(torch.arange(len(data.train)))[:, 0]
    if scaling == "standardise":
        assert x.mean(0).abs().max() < 1e-5
        assert (x.std(0, correction=0) - 1).abs().max() < 1e-4
    else:
        assert torch.allclose(x.amin(0), torch.zeros(3), atol=1e-6)
        assert torch.allclose(x.amax(0), torch.ones(3), atol=1e-6)


def test_fractions_are_of_utterances_and_nested(tmp_path: Path) -> None:
    counts = list(range(5, 25))
    found = opened(tmp_path, spoken(counts))
    whole = dataset(found, 1.0, 0, 0, "none").train
    every = {tuple(row) for row in whole.inputs(torch.arange(sum(counts)))[:, 0].tolist()}
    before: set[Any] = set()
    for fraction in (0.01, 0.25, 0.5, 1.0):
        data = dataset(found, fraction, 7, 0, "none")
        assert isinstance(data.train, Frames)
        assert len(data.train.firsts) == max(1, round(fraction * 20))
        rows = data.train.inputs(torch.arange(len(data.train)))[:, 0]
        seen = {tuple(row) for row in rows.tolist()}
        assert before < seen <= every
        before = seen
        assert len(data.valid) == counts[0]
    other = dataset(found, 0.25, 8, 0, "none").train
    assert isinstance(other, Frames)
    quarter = dataset(found, 0.25, 7, 0, "none").train
    assert isinstance(quarter, Frames)
    assert other.shifts.tolist() != quarter.shifts.tolist()


def test_more_than_256_classes(tmp_path: Path) -> None:
    found = opened(tmp_path, spoken([400]), classes=346)
    part = dataset(found, 1.0, 0, 1, "none").train
    assert part.batch(torch.arange(400))[1].tolist() == [t % 346 for t in range(400)]


def test_fingerprints_tell_what_is_trained_on(tmp_path: Path) -> None:
    found = opened(tmp_path, spoken([9, 9, 9, 9]))
    told = {
        dataset(found, *settings).fingerprint
        for settings in ((1.0, 0, 1, "none"), (0.5, 0, 1, "none"), (1.0, 0, 2, "none"))
    }
    other = opened(tmp_path / "other", spoken([9, 9, 9, 8]))
    assert len(told | {dataset(other, 1.0, 0, 1, "none").fingerprint}) == 4


def test_frames_stay_in_host_memory_when_the_gpu_has_no_room(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gpu = torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 4000))
    assert fits(500, gpu)
    assert not fits(501, gpu)
    assert fits(10**15, torch.device("cpu"))
    # What is left behind still makes the same batches.
    part = dataset(opened(tmp_path, spoken([9, 5])), 1.0, 0, 2, "none").train
    monkeypatch.setattr(frames, "fits", lambda bytes_, device: False)
    moved = part.to(torch.device("cpu"))
    index = torch.tensor([3, 11])
    assert torch.equal(moved.batch(index)[0], part.batch(index)[0])


def test_numbers_too_large_for_float16_are_refused(tmp_path: Path) -> None:
    huge = [np.full((4, 3), 1e6, np.float32)]
    with pytest.raises(DataError, match=r"data\.dtype=float32"):
        opened(tmp_path, huge, "none", "utterance", "float16")
    assert [p.suffix for p in tmp_path.iterdir()] == [".lock"]
