"""What a training needs is built once, without memory for weights, before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainers.buildable import require_buildable
from trainers.config import TrainConfig, compose
from trainers.errors import ConfigError

Compose = Callable[..., TrainConfig]
HERE = __name__


class Looks(nn.Module):
    """A model that looks at its weights, which the meta device does not have."""

    def __init__(self, *, input_shape: Any, classes: int, norm: Any, activation: Any) -> None:
        super().__init__()
        self.head = nn.Linear(64, classes)
        assert float(self.head.weight.detach().abs().sum()) > 0

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(x.flatten(1))
        return out


class Narrow(Looks):
    """A model that is for inputs of another size."""

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(x.flatten(1)[:, :3])
        return out


class Deaf(Looks):
    """A model that makes something else than logits."""

    def forward(self, x: Tensor) -> Tensor:
        return x


@pytest.mark.parametrize("model", ["mlp", "layered", "residual", "dense", "cnn"])
@pytest.mark.parametrize("norm", ["none", "batch", "layer", "group", "switchable", "weight"])
def test_takes_what_can_be_trained(model: str, norm: str) -> None:
    before = torch.get_rng_state()
    config = compose([f"model={model}", f"norm={norm}", "augment=noise"])
    require_buildable(config)
    assert torch.equal(torch.get_rng_state(), before)


def test_takes_no_memory(small: Compose) -> None:
    require_buildable(small("model.width=350000", "model.depth=5", "norm=none"))


def test_a_model_that_looks_at_its_weights_is_built_on_the_cpu(small: Compose) -> None:
    config = small()
    config.model = {"_target_": f"{HERE}.Looks"}
    require_buildable(config)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["model.dropout=1.5"], "dropout"),
        (["model.depth=-1"], "model.depth"),
        (["optimizer=sgd", "optimizer.lr=0.1", "optimizer.momentum=-1"], "momentum"),
        (["schedule=cosine", "schedule.warmup=9"], "schedule.warmup"),
        (["augment=noise", "augment.std=-1"], "augment.std"),
        (["batch_size=100000000"], "batch_size"),
        (["data.root=/nowhere", "data=mnist", "data._target_=trainers.data.none.load"], "data"),
    ],
)
def test_refuses(words: list[str], told: str, small: Compose) -> None:
    with pytest.raises(ConfigError, match=told):
        require_buildable(small(*words))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Narrow", r"Narrow refuses a batch \(2, 1, 8, 8\) of the data: mat1 and mat2"),
        ("Deaf", r"Deaf makes \(2, 1, 8, 8\) of a batch .*, not logits \(2, 10\)"),
    ],
)
def test_a_model_that_does_not_fit_the_data_is_refused(
    name: str, told: str, small: Compose
) -> None:
    config = small()
    config.model = {"_target_": f"{HERE}.{name}"}
    with pytest.raises(ConfigError, match=told):
        require_buildable(config)
