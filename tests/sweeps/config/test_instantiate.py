"""What a config group describes is built, or refused in a line."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from sweeps.config.instantiate import instantiate_group, settings_refused
from sweeps.stop import Asha, Several
from trainers.errors import ConfigError

ASHA = {"_target_": "sweeps.stop.Asha", "grace": 1, "factor": 3}
HERE = __name__


@dataclass(frozen=True)
class Size:
    """What Hydra would take for a configuration, and turn into another type."""

    width: int


def takes(size: Size, label: str = "") -> tuple[Size, str]:
    return size, label


def breaks(message: str) -> None:
    raise RuntimeError(message)


def test_builds_it_and_what_is_nested_in_it() -> None:
    assert instantiate_group("stop", ASHA) == Asha(1, 3)
    several = {"_target_": "sweeps.stop.Several", "_convert_": "all", "rules": {"asha": ASHA}}
    assert dict(instantiate_group("stop", several).rules) == {"asha": Asha(1, 3)}
    assert isinstance(instantiate_group("stop", several), Several)


def test_what_the_code_supplies_arrives_as_it_is() -> None:
    size = Size(3)
    node = {"_target_": f"{HERE}.takes", "label": "a"}
    found, label = instantiate_group("group", node, size=size)
    assert found is size
    assert label == "a"


def test_a_partial_is_a_plain_one_and_takes_the_rest() -> None:
    """Hydra examines every call of its own partial, at 0.4 ms a proposal."""
    node = {"_target_": f"{HERE}.takes", "_partial_": True, "label": "a"}
    made = instantiate_group("group", node)
    assert type(made) is partial
    assert made(Size(1)) == (Size(1), "a")


@pytest.mark.parametrize(
    ("node", "told"),
    [
        ({}, "stop has no _target_"),
        ({"_target_": "sweeps.stop.Ahsa"}, "stop._target_=sweeps.stop.Ahsa does not exist; did"),
        ({**ASHA, "grase": 2}, "stop.grase: .*did you mean 'grace'"),
        ({**ASHA, "grace": "a"}, "stop.grace must be an integer"),
        ({**ASHA, "factor": 1}, "stop=asha needs"),  # its own words
        ({"_target_": f"{HERE}.breaks", "message": ""}, "breaks refuses its settings: RuntimeErr"),
    ],
)
def test_refuses_in_a_line(node: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told) as refusal:
        instantiate_group("stop", node)
    assert len(str(refusal.value).splitlines()) == 1


def test_of_a_long_error_only_the_first_line_is_told() -> None:
    node = {"_target_": f"{HERE}.breaks", "message": "the first\nand the rest"}
    with pytest.raises(ConfigError) as refusal:
        instantiate_group("stop", node)
    assert str(refusal.value) == f"stop: {HERE}.breaks refuses its settings: the first"


def test_a_group_may_not_give_what_the_code_supplies() -> None:
    with pytest.raises(ConfigError, match=r"group\.size"):
        instantiate_group("group", {"_target_": f"{HERE}.takes", "size": 1}, size=Size(1))


def test_nothing_raised_nothing_refused() -> None:
    with settings_refused("stop", ASHA):
        pass
