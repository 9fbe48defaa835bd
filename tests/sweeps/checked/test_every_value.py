"""A value that cannot be trained is refused before the first trial."""

from __future__ import annotations

import pytest

from sweeps.checked.check import check as checked
from sweeps.checked.every_value import check
from sweeps.config.composition import compose
from tests.sweeps.conftest import SMALL
from trainers.errors import ConfigError


def messages(*words: str) -> tuple[str, ...]:
    with compose([*SMALL, "budget.trials=2", *words]) as composition:
        return check(checked(composition))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["model.dropout=0.1,1.5"], r"^model\.dropout must be .*, not 1\.5"),
        (["model.dropout=interval(0.1,1.5)"], r"^model\.dropout must be .*, not 1\.5"),
        (["model.width=0,32"], r"^model\.width must be 1 or more, not 0"),
        (["model.depth=-1,2"], r"^model\.depth must be .*, not -1"),
        (["label_smoothing=0,2"], r"^label_smoothing must be from 0 up to"),
        (["norm=batch,layer", "batch_size=1"], r"^norm=batch: this norm needs batch_size"),
        (["batch_size=16,100000000"], r"^batch_size=100000000 is more"),
        (["optimizer=sgd", "optimizer.momentum=-0.5,0.9"], r"^optimizer\.momentum=-0\.5: "),
        (
            ["optimizer=adamw,sgd", "optimizer.momentum=-0.5,0.9"],
            r"^optimizer\.momentum=-0\.5: ",
        ),
    ],
)
def test_refuses(words: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=told) as refusal:
        messages(*words)
    assert len(str(refusal.value).splitlines()) <= 2


@pytest.mark.parametrize(
    "words",
    [
        ["model.dropout=interval(0,1)"],
        ["optimizer=sgd", "optimizer.momentum=interval(0.0,0.9)"],  # Nesterov's needs one above 0
    ],
)
def test_an_end_that_is_never_drawn_need_not_be_built(words: list[str]) -> None:
    assert messages(*words) == ()


def test_takes_what_can_be_built() -> None:
    assert messages("model=mlp,cnn", "optimizer=adamw,sgd", "norm=batch,layer", "seed=1,2,3") == ()


def test_a_value_that_fits_some_of_the_others_is_told() -> None:
    [message] = messages("epochs=3,10", "schedule=cosine", "schedule.warmup=1,5")
    assert message.startswith("schedule.warmup=5 can be built with epochs=10, not beside")
    with pytest.raises(ConfigError, match=r"^schedule\.warmup must be .*, not 10"):
        messages("epochs=3,10", "schedule=cosine", "schedule.warmup=1,10")


def test_a_value_that_a_rule_refuses_is_left_to_the_rule() -> None:
    assert messages("model.width=0,32", "require=['model.width > 8']") == ()
