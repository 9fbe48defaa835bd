"""What an open group describes is found, checked and built, or refused in a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any, ClassVar

import hydra.utils
import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from trainers.config.hydra_grammar import written
from trainers.config.targets import (
    check_arguments,
    check_types,
    instantiate,
    settings_refused,
    takes,
)
from trainers.errors import ConfigError

HERE = __name__

REFERENCE = OmegaConf.create(
    {
        "epochs": 10,
        "precision": "fp32",
        "optimizer": {"lr": 0.1, "nesterov": True, "betas": [0.9, 0.99], "maximum": None},
        "schedule": {"epochs": "${epochs}"},
    }
)


@given(st.integers() | st.floats() | st.text() | st.booleans() | st.none() | st.just([0.1]))
def test_a_value_passes_exactly_where_its_type_is_the_yaml_type(value: object) -> None:
    accepted: dict[str, set[type]] = {
        "epochs": {int},
        "schedule.epochs": {int},
        "precision": {str},
        "optimizer.lr": {float, int},
        "optimizer.nesterov": {bool},
        "optimizer.betas": {list},
        "optimizer.maximum": {type(value)},
        "optimizer": {str},
    }
    for key, types in accepted.items():
        if type(value) in types:
            check_types({key: value}, REFERENCE)
        else:
            with pytest.raises(ConfigError) as refusal:
                check_types({key: value}, REFERENCE)
            assert key in str(refusal.value)
            assert written(value) in str(refusal.value)


def test_names_the_nearest_key() -> None:
    with pytest.raises(ConfigError, match=r"optimizer\.nestrov: .*did you mean 'nesterov'"):
        check_types({"optimizer.nestrov": True}, REFERENCE)
    with pytest.raises(ConfigError, match=r"epochs\.deep"):
        check_types({"epochs.deep": 1}, REFERENCE)


def test_every_key_is_checked() -> None:
    with pytest.raises(ConfigError, match="epochs must be an integer"):
        check_types({"optimizer.lr": 1, "epochs": 1.0}, REFERENCE)


def test_arguments_of_a_target() -> None:
    check_arguments("optimizer", {"_target_": "torch.optim.SGD", "_partial_": True, "lr": 0.1})
    with pytest.raises(ConfigError, match=r"optimizer\.momentun: .*did you mean 'momentum'"):
        check_arguments("optimizer", {"_target_": "torch.optim.SGD", "momentun": 0.1})


def test_an_argument_that_the_code_supplies_is_not_the_users() -> None:
    node = {"_target_": "trainers.models.mlp.MLP", "classes": 3}
    with pytest.raises(ConfigError, match=r"model\.classes"):
        check_arguments("model", node, supplied=["classes"])


def test_types_that_a_target_declares() -> None:
    node = {"_target_": "trainers.models.mlp.MLP", "dropout": 0}
    check_arguments("model", node)
    with pytest.raises(ConfigError, match=r"model\.width must be an integer, not 2\.5"):
        check_arguments("model", {**node, "width": 2.5})
    with pytest.raises(ConfigError, match=r"norm\.affine must be true or false, not 1"):
        check_arguments("norm", {"_target_": "trainers.models.norm.batch", "affine": 1})


def test_anything_goes_where_the_target_takes_anything() -> None:
    check_arguments("model", {"_target_": "builtins.dict", "what": 1, "ever": "x"})


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (None, "no _target_"),
        ("torch.optim.AdmaW", "did you mean 'AdamW'"),
        ("nowhere.at.all", "cannot be imported"),
        ("", "cannot be imported"),
        ("math.pi", "must be a class or a function"),
    ],
)
def test_targets_that_are_none(target: str | None, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as refusal:
        check_arguments("optimizer", {"_target_": target} if target is not None else {})
    assert "optimizer" in str(refusal.value)


@dataclass(frozen=True)
class Size:
    """What Hydra would take for a configuration, and turn into another type."""

    width: int


@dataclass(frozen=True)
class Box:
    """Something that is built from other things, and from plain values."""

    parts: Mapping[str, Any]
    label: str = ""

    def __post_init__(self) -> None:
        if self.label == "bad":
            raise ConfigError("box.label must be good")


def sized(size: Size, label: str = "") -> tuple[Size, str]:
    return size, label


def breaks(message: str) -> None:
    raise RuntimeError(message)


def breaks_because_of_another(message: str) -> None:
    raise ValueError(message) from KeyError("inner")


BOX = {"_target_": f"{HERE}.Box", "parts": {}}


def test_builds_it_and_what_is_nested_in_it() -> None:
    built = instantiate("box", {**BOX, "parts": {"inner": {**BOX, "label": "a"}, "sizes": [1, 2]}})
    assert built == Box({"inner": Box({}, "a"), "sizes": [1, 2]})
    assert type(built.parts) is dict
    assert type(built.parts["sizes"]) is list, "plain containers, which any library takes"


def test_what_the_code_supplies_arrives_as_it_is() -> None:
    size = Size(3)
    arrived, label = instantiate("group", {"_target_": f"{HERE}.sized", "label": "a"}, size=size)
    assert arrived is size
    assert label == "a"


def test_a_partial_is_a_plain_one_and_takes_the_rest() -> None:
    """Hydra examines every call of its own partial, at 0.4 ms a proposal."""
    node = {"_target_": f"{HERE}.sized", "_partial_": True}
    made = instantiate("group", node, label="a")
    assert type(made) is partial
    assert made(Size(1)) == (Size(1), "a")


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({}, "box has no _target_"),
        (
            {"_target_": f"{HERE}.Bxo"},
            r"box\._target_=.*\.Bxo does not exist; did you mean 'Box'",
        ),
        ({**BOX, "lable": "a"}, r"box\.lable: .*did you mean 'label'"),
        ({**BOX, "label": 1}, r"box\.label must be text, not 1"),
        ({**BOX, "label": "bad"}, r"^box\.label must be good$"),
        ({**BOX, "parts": {"inner": {**BOX, "label": "bad"}}}, r"^box\.label must be good$"),
        ({"_target_": f"{HERE}.breaks", "message": ""}, "breaks refuses its settings: RuntimeErr"),
        (
            {"_target_": f"{HERE}.breaks", "message": "the first\nand the rest"},
            rf"^box: {HERE}\.breaks refuses its settings: the first$",
        ),
        (
            {"_target_": f"{HERE}.breaks_because_of_another", "message": "the outer"},
            "refuses its settings: the outer$",
        ),
    ],
)
def test_refuses_in_a_line(node: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as refusal:
        instantiate("box", node)
    assert len(str(refusal.value).splitlines()) == 1


def test_a_group_may_not_give_what_the_code_supplies() -> None:
    with pytest.raises(ConfigError, match=r"group\.size"):
        instantiate("group", {"_target_": f"{HERE}.sized", "size": 1}, size=Size(1))


def test_nothing_raised_nothing_refused() -> None:
    with settings_refused("box", BOX):
        pass


@pytest.mark.parametrize(
    ("target", "argument", "expected"),
    [
        (sized, "label", True),
        (sized, "width", False),
        (Box, "parts", True),
        (lambda **keys: keys, "label", False),  # anything is not this one
        (dict, "label", False),  # a built-in does not say
    ],
)
def test_whether_a_target_takes_an_argument(
    target: Callable[..., Any], argument: str, expected: bool
) -> None:
    assert takes(target, argument) is expected


class Unhashable:
    """Can be called, and compares by content."""

    __hash__ = None  # type: ignore[assignment]

    def __call__(self, size: int) -> int:
        return size


UNHASHABLE = Unhashable()


class TestAsHydra:
    """What is built is what `hydra.utils.instantiate` builds of the same plain containers."""

    NODES: ClassVar[list[dict[str, Any]]] = [
        {"_target_": "fractions.Fraction", "numerator": 3, "denominator": 4},
        {"_target_": "fractions.Fraction", "_args_": [6, 8]},
        {"_target_": "builtins.dict", "a": [1, {"b": None}], "c": {"d": "e"}, "_convert_": "all"},
        {
            "_target_": "builtins.dict",
            "inner": {"_target_": "fractions.Fraction", "numerator": 1, "denominator": 3},
            "several": [{"_target_": "fractions.Fraction", "_args_": [n]} for n in (1, 2)],
        },
        {
            "_target_": "builtins.dict",
            "_recursive_": False,
            "inner": {"_target_": "fractions.Fraction", "numerator": 1},
        },
    ]

    @pytest.mark.parametrize("node", NODES)
    def test_the_same_comes_of_it(self, node: dict[str, Any]) -> None:
        expected = hydra.utils.instantiate(node, _convert_="all")
        assert instantiate("thing", node) == expected

    def test_a_partial_within_is_one(self) -> None:
        node = {"_target_": "fractions.Fraction", "_partial_": True, "denominator": 4}
        made = instantiate("thing", {"_target_": "builtins.dict", "make": node})
        assert made["make"](numerator=2) == Fraction(1, 2)

    def test_what_is_built_shares_nothing_with_the_configuration(self) -> None:
        node = {"_target_": "builtins.dict", "a": [1], "b": {"c": [2]}}
        made = instantiate("thing", node)
        made["a"].append(3)
        made["b"]["c"].append(4)
        assert node == {"_target_": "builtins.dict", "a": [1], "b": {"c": [2]}}

    def test_what_is_refused_within_names_its_place(self) -> None:
        zero = {"_target_": "fractions.Fraction", "_args_": [1, 0]}
        with pytest.raises(ConfigError, match=r"^thing\.a\[1\]: fractions\.Fraction refuses its"):
            instantiate("thing", {"_target_": "builtins.dict", "a": [0, zero]})

    def test_an_object_that_is_called_need_not_be_hashable(self) -> None:
        path = f"{__name__}.UNHASHABLE"
        assert instantiate("thing", {"_target_": path, "size": 3}) == 3
        with pytest.raises(ConfigError, match="has no argument 'sise'; did you mean 'size'"):
            instantiate("thing", {"_target_": path, "sise": 3})
