"""Dotted keys are found in composed configurations and in plain containers alike."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from sweeps.config.keys import dotted, exists, plain, plain_value, value_at
from tests.sweeps.config.test_composition import composed
from trainers.config import Mode


def test_dotted_lists_every_value_and_exists_knows_them() -> None:
    with composed("space=null") as (made, _):
        keys = list(dotted(made.base))
        assert {"epochs", "optimizer.lr", "optimizer.betas", "resources.gpu_memory_gb"} <= set(keys)
        assert all(exists(made.base, key) for key in keys)
        assert not any("_target_" in key for key in keys)
        assert not exists(made.base, "optimizer.momentum")
        assert not exists(made.base, "epochs.deeper")


CONFIG = OmegaConf.create(
    {"a": {"b": None, "c": [1, {"d": 2}]}, "e": "${a.c.0}", "f": {}, "_target_": "x.Y"}
)


@pytest.mark.parametrize(
    ("key", "value"),
    [("a.b", None), ("a.c", [1, {"d": 2}]), ("a.c.0", 1), ("a.c.1.d", 2), ("e", 1), ("f", {})],
)
def test_a_key_has_its_value_be_it_null_or_in_a_list(key: str, value: object) -> None:
    assert exists(CONFIG, key)
    assert value_at(plain(CONFIG), key) == value


@pytest.mark.parametrize("key", ["a.c.2", "a.c.x", "a.b.c", "e.f", "g", "a.c.-1", "f.0"])
def test_a_key_that_is_not_there(key: str) -> None:
    assert not exists(CONFIG, key)
    with pytest.raises(KeyError, match=key):
        value_at(plain(CONFIG), key)


def test_dotted_names_an_empty_mapping_and_no_target() -> None:
    assert list(dotted(CONFIG)) == ["a.b", "a.c", "e", "f"]


def test_plain_values_have_no_types_of_ours() -> None:
    assert plain_value(Mode.max) == "max"
    assert plain_value(CONFIG.a) == {"b": None, "c": [1, {"d": 2}]}
    assert type(plain_value(CONFIG.a.c)) is list
    assert plain_value(0.5) == 0.5
