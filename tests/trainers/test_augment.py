"""What training does to its inputs."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers.augment import mask, noise, none
from trainers.errors import ConfigError


def test_none_leaves_the_inputs() -> None:
    x = torch.randn(3, 4, 5)
    assert none(x) is x


def test_noise_has_the_size_that_is_asked_for() -> None:
    torch.manual_seed(0)
    x = noise(torch.full((100, 31, 13), 3.0), std=0.5)
    assert float(x.mean()) == pytest.approx(3.0, abs=0.01)
    assert float(x.std()) == pytest.approx(0.5, rel=0.02)


@given(
    shape=st.sampled_from([(5, 7, 4), (3, 1, 8, 6)]),
    time=st.integers(0, 9),
    frequency=st.integers(0, 9),
    p=st.floats(0, 1),
    seed=st.integers(0, 2**31),
)
def test_mask_hides_at_most_one_band_of_each_axis(
    shape: tuple[int, ...], time: int, frequency: int, p: float, seed: int
) -> None:
    torch.manual_seed(seed)
    hidden = mask(torch.ones(shape), time, frequency, p, std=0.0) == 0
    for example in hidden if hidden.ndim == 3 else hidden[:, 0]:
        rows, columns = example.all(dim=1), example.all(dim=0)
        if not example.all():
            for band, most in ((rows, time), (columns, frequency)):
                places = band.nonzero().flatten()
                assert len(places) <= most
                assert places.tolist() == list(range(*_span(places)))
        # What is hidden is whole rows and whole columns, and nothing else.
        assert torch.equal(example, rows[:, None] | columns[None, :])


def _span(places: torch.Tensor) -> tuple[int, int]:
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, 0)


def test_mask_is_as_frequent_and_as_wide_as_asked() -> None:
    torch.manual_seed(0)
    hidden = mask(torch.ones(20_000, 40, 2), time=8, frequency=0, p=0.5, std=0.0)[:, :, 0] == 0
    width = hidden.sum(1)
    # Widths 0 to 8 are equally likely, for the half of the examples that is hit.
    assert float((width > 0).float().mean()) == pytest.approx(0.5 * 8 / 9, abs=0.01)
    assert float(width.float().mean()) == pytest.approx(0.5 * 4, abs=0.05)
    assert width.max() == 8
    places = hidden.float().mean(0)
    assert float(places[10:30].std()) < 0.01  # no place is preferred


def test_examples_have_bands_of_their_own() -> None:
    torch.manual_seed(0)
    hidden = mask(torch.ones(50, 30, 1), time=5, frequency=0, p=1.0, std=0.0)[:, :, 0] == 0
    assert len({tuple(row.tolist()) for row in hidden}) > 20


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"time": -1}, "augment.time must be 0 or more, not -1"),
        ({"frequency": -2}, "augment.frequency must be 0 or more, not -2"),
        ({"p": 1.5}, "augment.p must be from 0 to 1, not 1.5"),
        ({"std": -0.1}, "augment.std must be 0 or more, not -0.1"),
    ],
)
def test_refuses(wrong: dict[str, float], told: str) -> None:
    settings: dict[str, float] = {"time": 4, "frequency": 2, "p": 0.5, "std": 0.0}
    with pytest.raises(ConfigError, match=told):
        mask(torch.ones(1, 2, 3), **(settings | wrong))  # type: ignore[arg-type]
