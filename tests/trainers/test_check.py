from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from trainers.check import check_arguments, check_types
from trainers.errors import ConfigError

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
            assert repr(value) in str(refusal.value)


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
