"""A key that the schema does not have is refused, however it came into the configuration."""

from __future__ import annotations

import pytest

from sweeps.config.composition import compose
from sweeps.config.unknown_keys import refuse_unknown_keys
from trainers.errors import ConfigError


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("+class_weights=balanced", "class_weights"),
        ("+mixup=0.4", "mixup"),
        ("+ema=0.999", "ema"),
        ("+label_smooting=0.3", "did you mean label_smoothing"),
        ("+budget.trails=3", "budget.trails"),
        ("+clip.nrom=1", "clip.nrom"),
        ("+task.mod=max", "task.mod"),
    ],
)
def test_refuses(word: str, told: str) -> None:
    with compose((word,)) as composition, pytest.raises(ConfigError) as refusal:
        refuse_unknown_keys(composition.base)
    assert told in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1


def test_takes_what_the_schema_has_and_the_keys_of_open_groups() -> None:
    with compose(("+optimizer.anything=3", "+objectives.parameters=min")) as composition:
        refuse_unknown_keys(composition.base)
