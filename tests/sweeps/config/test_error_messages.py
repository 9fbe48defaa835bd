"""What a person is told, from the errors that Hydra and OmegaConf really raise."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hydra import compose, initialize_config_module
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from sweeps.config.error_messages import explain
from sweeps.config.schema import register

KEYS = ("optimizer.lr", "optimizer.betas", "model.width", "epochs", "budget.trials", "model")


def told(overrides: Sequence[str]) -> str:
    register()
    with (
        initialize_config_module("conf", version_base="1.3"),
        pytest.raises((HydraException, OmegaConfBaseException)) as error,
    ):
        compose("sweep", list(overrides))
    return explain(error.value, keys=KEYS)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("optimizer.lrr=0.1", ["optimizer.lrr", "did you mean optimizer.lr"]),
        ("epocs=3", ["epocs", "did you mean epochs"]),
        ("budget.trails=3", ["budget.trails", "did you mean budget.trials"]),
        ("zzzzzz=3", ["zzzzzz: there is no such key"]),
        ("optimizer=adamww", ["optimizer=adamww", "did you mean adamw"]),
        ("experiment=quikstart", ["experiment=quikstart", "did you mean quickstart"]),
        ("search=zzzz", ["search=zzzz", "grid, nsga2, random"]),
        ("epochs=abc", ["epochs", "abc", "Integer"]),
        ("budget.trials=many", ["budget.trials", "many"]),
        ("preview=perhaps", ["preview", "perhaps"]),
        ("task.mode=most", ["task.mode", "most"]),
        ("epochs=[1", ["epochs=[1", "is not an override", "quote"]),
        ("epochs", ["'epochs'", "is not an override", "key=value"]),
        ("model.width=choice()", ["model.width", "the choice is empty"]),
        ("model.width=1,2", ["model.width=1,2", "one training takes one value"]),
        ("model.width=range(1,3)", ["model.width", "one training takes one value"]),
    ],
)
def test_explains(override: str, words: list[str]) -> None:
    message = told([override])
    assert [word for word in words if word not in message] == [], message
    assert len(message.splitlines()) <= 2


def test_an_override_named_in_the_error_is_named_to_the_person() -> None:
    error = HydraException("Error merging override +space.x.y=3")
    error.__cause__ = HydraException("the reason\nfull_key: space.x")
    assert explain(error, "another") == "+space.x.y=3: the reason"


def test_any_other_error_is_one_line() -> None:
    assert explain(HydraException("first\nsecond")) == "first"
    assert explain(HydraException("first\nsecond"), "epochs=3") == "epochs=3: first"
    assert explain(HydraException()) == "HydraException"
