"""What a model does not ask for is not varied in silence."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import Tensor, nn

from sweeps.checked.check import check
from sweeps.config.composition import compose
from sweeps.config.unasked_groups import ASKING, refuse_unasked
from trainers.build import unasked
from trainers.config import compose as compose_training
from trainers.errors import ConfigError

CONF = Path(__file__).resolve().parents[3] / "conf"


class Bare(nn.Module):
    """Takes the keys of an MLP, and neither norm nor activation."""

    def __init__(
        self, width: int, depth: int, shape: str, widths: object, dropout: float, *,
        input_shape: tuple[int, ...], classes: int,
    ) -> None:  # fmt: skip
        super().__init__()
        self.head = nn.Linear(input_shape[-1] ** 2, classes)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(x.flatten(1))
        return out


BARE = f"model._target_={__name__}.Bare"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["norm=layer", "model.width=8,16"], r"norm=layer: .*Bare takes no norm"),
        (["norm.momentum=0.2", "model.width=8,16"], r"norm\.momentum=0\.2: .* takes no norm"),
        (["activation=gelu,relu"], r"activation=.*gelu.*: .*Bare takes no activation"),
        (["norm=batch", "norm.momentum=interval(0.1,0.5)"], "takes no norm"),
    ],
)
def test_what_the_command_line_says_in_vain_is_refused(words: list[str], told: str) -> None:
    with (
        compose(["space=null", BARE, *words]) as composition,
        pytest.raises(ConfigError, match=told) as refused,
    ):
        check(composition)
    assert "\n" not in str(refused.value)


def test_what_an_experiment_varies_in_vain_is_left_out_and_told() -> None:
    with compose(["model=mlp", BARE]) as composition:
        sweep = check(composition)
    assert "norm" not in sweep.space.keys
    assert "norm is not swept: model=mlp takes no norm" in sweep.messages


def test_nothing_is_said_where_the_model_asks() -> None:
    with compose(["space=null", "norm=layer,batch", "activation=gelu"]) as composition:
        assert check(composition).messages == ()


def test_a_single_training_is_told_too() -> None:
    training = compose_training([BARE])
    refuse_unasked(["model.width=8", "init=normal"], training)
    with pytest.raises(ConfigError, match="takes no activation"):
        refuse_unasked(["activation=gelu"], training)


def test_our_models_ask_for_all_of_it() -> None:
    for path in sorted((CONF / "model").glob("*.yaml")):
        training = compose_training([f"model={path.stem}"])
        assert str(training.model["_target_"]).startswith(ASKING)
        assert unasked(training) == ()
