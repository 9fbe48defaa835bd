"""Predict class probabilities or numbers of a part, by a saved model or the mean of several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from trainers.config import TrainConfig
from trainers.data.dataset import Dataset, Part
from trainers.errors import ConfigError
from trainers.learner import logits
from trainers.model_and_data import trained

#: Picks the part to be predicted out of a data set.
Pick = Callable[[Dataset], Part]


def predictions(config: TrainConfig, state: Mapping[str, Any], pick: Pick) -> Tensor:
    """Predict (N, K) float32 on the CPU, the examples in the order of the part.

    They are probabilities of classes, or the numbers of a regression in their own units.

    Args:
        config: configuration of the training that the state comes from.
        state: as in a checkpoint; only its model is used.
        pick: picks the part.
    """
    model, dataset = trained(config, state)
    part = pick(dataset).to(next(model.parameters()).device)
    out = torch.empty(len(part), dataset.outputs)
    numbers = dataset.numbers
    begin = 0
    for batch in logits(config, model, part):
        made = batch.softmax(1) if numbers is None else numbers.restored(batch)
        out[begin : begin + len(batch)] = made
        begin += len(batch)
    return out


def mean(every: Iterable[Tensor]) -> Tensor:
    """Average the predictions of several models, one at a time in memory.

    Raises:
        ConfigError: the predictions are not of the same examples and classes.
    """
    votes = iter(every)
    total = next(votes, None)
    if total is None:
        raise ConfigError("there is no model to predict with")
    total, count = total.clone(), 1
    for count, one in enumerate(votes, 2):  # noqa: B007  its last value is the divisor
        if one.shape != total.shape:
            raise ConfigError(
                f"models of {tuple(total.shape)} and {tuple(one.shape)} predictions (examples, "
                "classes) cannot be averaged: their data differ"
            )
        total += one
    return total / count
