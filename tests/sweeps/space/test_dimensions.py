"""The values of one key: drawn, recorded, listed, and written as text."""

from __future__ import annotations

import math
from typing import Any

import optuna
import pytest
from hypothesis import given

from sweeps.space.dimensions import Choice
from tests.sweeps.space.spaces import dimension, from_line, from_yaml, identical, jsonlike
from trainers.config.hydra_grammar import written
from trainers.errors import ConfigError


def test_reads_as_a_person_would_write_it() -> None:
    space = from_line(
        "a=1,x,null,[1]",
        "b=tag(log,int(interval(16,256)))",
        "c=range(0,1,0.25)",
        "d=interval(0,1)",
    )
    assert [str(p.dimension) for p in space.parameters] == [
        "1, x, null, [1]",
        "16 to 256  (integers, log)",
        "0 to 0.75  (step 0.25)",
        "0 to 1",
    ]


def test_decimals_are_those_that_were_meant() -> None:
    values = list(dimension(from_line("k=range(0.1,0.8,0.1)")).enumerate())
    assert values == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


class TestNearOne:
    """tag(log1m, interval(…)): 1 - 10^r, r evenly spread."""

    SPACE = "k=tag(log1m,interval(0.9,0.999))"

    def test_the_distance_from_one_is_drawn_on_a_log_scale(self) -> None:
        one = dimension(from_line(self.SPACE))
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        drawn = [one.suggest(study.ask(), "k") for _ in range(2000)]
        assert all(0.9 <= value <= 0.999 for value in drawn)
        exponents = [math.log10(1 - value) for value in drawn]
        assert sum(exponents) / len(drawn) == pytest.approx(-2, abs=0.05)
        assert sum(e < -2.5 for e in exponents) / len(drawn) == pytest.approx(0.25, abs=0.03)

    def test_is_recorded_and_read_back(self) -> None:
        space = from_line(self.SPACE)
        assert space.labels({"k": 0.99}) == {"k": 0.01}
        assert space.values({"k": 0.01}) == {"k": 0.99}
        study = optuna.create_study()
        study.enqueue_trial(space.labels({"k": 0.995}))
        assert space.suggest(study.ask()) == {"k": 0.995}

    @pytest.mark.parametrize(
        "text", ["interval(0.9,1.0)", "int(interval(0,1))", "interval(0.9,1.5)"]
    )
    def test_is_for_numbers_below_one(self, text: str) -> None:
        with pytest.raises(ConfigError, match="log1m"):
            from_line(f"k=tag(log1m,{text})")

    def test_is_a_scale_of_its_own(self) -> None:
        with pytest.raises(ConfigError, match="log1m"):
            from_line("k=tag(log,log1m,interval(0.9,0.99))")


class TestWritten:
    @given(jsonlike)
    def test_is_read_back_as_the_same_value(self, value: Any) -> None:
        one = dimension(from_line(f"k=choice({written([value])})"))
        assert isinstance(one, Choice)
        assert identical(list(one.values), [[value]])
        two = dimension(from_yaml({"k": ["another", [value]]}))
        assert isinstance(two, Choice)
        assert identical(list(two.values), ["another", [value]])

    @pytest.mark.parametrize(
        "value",
        [
            "True",
            "Null",
            "nan",
            "inf",
            "a\nb",
            "a\tb",
            "C:\\data",
            "ends in \\",
            'a"b',
            "größe",
        ],
    )
    def test_of_awkward_texts(self, value: str) -> None:
        parsed = dimension(from_yaml({"k": [value]}))
        assert isinstance(parsed, Choice)
        assert identical(list(parsed.values), [value])

    @pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
    def test_of_numbers_that_are_none(self, value: float) -> None:
        parsed = dimension(from_line(f"k=choice({written([value])})"))
        assert isinstance(parsed, Choice)
        assert str(list(parsed.values)) == str([[value]])
