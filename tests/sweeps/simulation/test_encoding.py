"""Which configuration is nearest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.simulation.encoding import ABSENT, STRANGE, Encoding, Neighbours
from sweeps.space.dimensions import Choice, Interval
from sweeps.space.space import Parameter, Space

SPACE = Space(
    (
        Parameter("optimizer", Choice(("adamw", "sgd")), group=True),
        Parameter("lr", Interval(1e-4, 1e-1, log=True)),
        Parameter("momentum", Interval(0.9, 0.999, log1m=True)),
        Parameter("depth", Choice((8, 1, 2))),
        Parameter("betas", Choice(([0.9, 0.99], [0.8, 0.9]))),
        Parameter("flag", Choice((True, False))),
        Parameter("seed", Choice((1, 2, 3))),
    )
)


def test_puts_numbers_on_their_own_scales() -> None:
    encoding = Encoding(SPACE)
    assert list(encoding.numeric) == ["lr", "momentum", "depth"]
    numbers = encoding.numbers({"lr": 1e-2, "momentum": 0.99, "depth": 2})
    assert numbers == pytest.approx([2 / 3, 0.5, 0.5])
    assert np.isnan(encoding.numbers({})).all()


def test_numbers_categories() -> None:
    encoding = Encoding(SPACE)
    assert list(encoding.categorical) == ["optimizer", "betas", "flag", "seed"]
    params = {"optimizer": "sgd", "betas": [0.8, 0.9], "flag": True, "seed": 9}
    assert encoding.codes(params).tolist() == [1, 1, 0, STRANGE]
    assert encoding.codes({}).tolist() == [ABSENT] * 4


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"optimizer": "adamw", "lr": 1e-4}, 0),
        ({"optimizer": "adamw", "lr": 5e-2}, 1),  # in decades; in plain numbers 2e-4 is as near
        ({"optimizer": "sgd", "lr": 1e-4}, 2),  # a category outweighs any number
        ({"optimizer": "sgd", "lr": 1e-2, "momentum": 0.9}, 3),
        ({"optimizer": "rmsprop", "lr": 1e-4}, 0),  # none agrees: by numbers
    ],
)
def test_finds_the_nearest(params: dict[str, Any], expected: int) -> None:
    configurations = [
        {"optimizer": "adamw", "lr": 2e-4},
        {"optimizer": "adamw", "lr": 1e-1},
        {"optimizer": "sgd", "lr": 1e-1},
        {"optimizer": "sgd", "lr": 1e-4, "momentum": 0.95},
    ]
    assert Neighbours(Encoding(SPACE), configurations).nearest(params) == expected


configuration = st.fixed_dictionaries(
    {"optimizer": st.sampled_from(["adamw", "sgd"]), "lr": st.floats(1e-4, 1e-1)},
    optional={"depth": st.sampled_from([1, 2, 8]), "momentum": st.floats(0.9, 0.999)},
)


@given(st.lists(configuration, min_size=1, max_size=8), st.data())
def test_a_known_configuration_is_nearest_to_itself(
    configurations: list[dict[str, Any]], data: st.DataObject
) -> None:
    encoding = Encoding(SPACE)
    asked = data.draw(st.sampled_from(configurations))
    nearest = configurations[Neighbours(encoding, configurations).nearest(asked)]
    np.testing.assert_array_equal(encoding.codes(nearest), encoding.codes(asked))
    # Two numbers that differ in their last digit may be one on the scale.
    np.testing.assert_allclose(encoding.numbers(nearest), encoding.numbers(asked), atol=1e-9)


@given(st.lists(configuration, min_size=1, max_size=8), configuration)
def test_no_other_agrees_in_more_or_is_nearer(
    configurations: list[dict[str, Any]], asked: dict[str, Any]
) -> None:
    encoding = Encoding(SPACE)

    def apart(params: dict[str, Any]) -> tuple[int, float]:
        squares = 0.0
        pairs = zip(encoding.numbers(params), encoding.numbers(asked), strict=True)
        for a, b in pairs:
            squares += 0.0 if math.isnan(a) and math.isnan(b) else 1.0 if a != a or b != b else 0.0
            squares += 0.0 if math.isnan(a - b) else (a - b) ** 2
        return int((encoding.codes(params) != encoding.codes(asked)).sum()), squares

    nearest = configurations[Neighbours(encoding, configurations).nearest(asked)]
    best = min(apart(params) for params in configurations)
    assert apart(nearest)[0] == best[0]
    assert apart(nearest)[1] == pytest.approx(best[1])
