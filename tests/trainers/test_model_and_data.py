"""A model and its data: the ones that a training begins with, and those of a checkpoint."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers.config import TrainConfig
from trainers.data import resident
from trainers.data.dataset import Dataset, image_dataset
from trainers.errors import ConfigError, DataError
from trainers.fit import fit
from trainers.model_and_data import shuffled, trained, untrained

Compose = Callable[..., TrainConfig]
CPU = torch.device("cpu")


@pytest.mark.parametrize("choice", ["mlp", "cnn"])
def test_the_untrained_model_is_that_which_fit_begins_with(choice: str, small: Compose) -> None:
    """At a learning rate that is lost in rounding, an epoch leaves every weight as it was."""
    config = small(f"model={choice}", "optimizer=sgd", "optimizer.lr=1e-37", "epochs=1", "seed=3")
    torch.rand(7)  # whatever ran in this process before
    learner, dataset = untrained(config)
    begun = {name: p.detach().clone() for name, p in learner.model.named_parameters()}
    (epoch,) = fit(config)
    after = epoch.state()["model"]
    assert all(torch.allclose(after[name], begun[name], rtol=0, atol=1e-30) for name in begun)
    assert learner.epoch == 0
    assert dataset.train is resident.on(CPU, config.data).train


def test_what_fit_would_refuse_is_refused(small: Compose) -> None:
    with pytest.raises(ConfigError, match=r"parameters, over 5 \(model\.max_parameters\): make"):
        untrained(small("model.max_parameters=5"))


def one_example() -> Dataset:
    """A data set of a user's own, of one image for each part."""
    one = (np.full((1, 1, 8, 8), 7, np.uint8), np.zeros(1, np.int64))
    return image_dataset(one, one, one, [str(digit) for digit in range(10)], "none")


def test_one_example_is_too_few(small: Compose) -> None:
    config = small()
    config.data = {"_target_": f"{__name__}.one_example"}
    for begin in (untrained, lambda config: next(fit(config))):
        with pytest.raises(DataError, match=r"2 examples or more, not 1: raise data\.fraction"):
            begin(config)


def test_the_trained_model_is_that_of_the_state(small: Compose) -> None:
    config = small("epochs=1")
    (epoch,) = fit(config)
    state = epoch.state()
    model, dataset = trained(config, {"model": state["model"]})
    assert all(torch.equal(value, state["model"][n]) for n, value in model.state_dict().items())
    x, _ = dataset.valid.batch(torch.arange(4))
    assert model.eval()(x).shape == (4, 10)


@pytest.mark.parametrize("override", ["model.width=17", "model=cnn", "norm=layer"])
def test_a_state_of_another_configuration_is_refused_in_a_line(
    override: str, small: Compose
) -> None:
    (epoch,) = fit(small("epochs=1"))
    with pytest.raises(ConfigError, match="the checkpoint is of another configuration") as refusal:
        trained(small(override), epoch.state())
    assert len(str(refusal.value).splitlines()) == 1
    with pytest.raises(ConfigError, match="the checkpoint is of another configuration: 'model'"):
        trained(small(), {"epoch": 1})


@given(count=st.integers(0, 300), seed=st.integers(0, 2**63 - 1))
def test_an_order_has_each_number_once_and_only_the_seed_decides_it(count: int, seed: int) -> None:
    before = torch.get_rng_state()
    order = shuffled(count, seed, CPU)
    assert torch.equal(torch.get_rng_state(), before), "trainings draw from that state"
    torch.rand(3)
    assert torch.equal(shuffled(count, seed, CPU), order)
    assert order.sort().values.tolist() == list(range(count))


def test_seeds_next_to_each_other_give_orders_of_their_own() -> None:
    orders = {tuple(shuffled(50, seed, CPU).tolist()) for seed in range(100)}
    assert len(orders) == 100
