"""Check that a training can be built and takes a batch of its data, without training it."""

from __future__ import annotations

import torch

from trainers import build
from trainers.config import TrainConfig
from trainers.data import resident
from trainers.data.dataset import Dataset
from trainers.errors import ConfigError, first_line
from trainers.learner import Learner

#: Parameters of a model that is built on the CPU in 10 ms.
_SMALL = 1_000_000


def require_buildable(config: TrainConfig) -> None:
    """Build all that a training builds, and pass two examples through its model.

    A large model has no memory for its weights then, on torch's meta device; what does not work
    there is tried on the CPU. A small one is built on the CPU at once: PyTorch takes a second to
    import what passes examples through layers without memory.

    Raises:
        ConfigError: what cannot be built, or data that is not there.
    """
    resident.Configured(config.data).prepare()
    dataset = resident.load(config.data)
    try:
        large = build.parameters(config, dataset.input_shape, len(dataset.classes)) > _SMALL
        if large:
            with torch.device("meta"):
                _try(config, dataset, torch.device("meta"))
            return
    except Exception:  # a model may look at its weights, of which there are none
        pass
    with torch.random.fork_rng(devices=[]):
        _try(config, dataset, torch.device("cpu"))


def _try(config: TrainConfig, dataset: Dataset, device: torch.device) -> None:
    learner = Learner.begin(config, dataset, device)
    batch = torch.zeros(2, *dataset.input_shape, device=device)
    try:
        with torch.no_grad():
            logits = learner.model.train()(batch)
    except Exception as error:  # whatever a model of somebody's own raises
        raise ConfigError(
            f"model: {config.model['_target_']} refuses a batch {tuple(batch.shape)} of the data: "
            f"{first_line(error)}"
        ) from error
    expected = (2, dataset.outputs)
    if tuple(logits.shape) != expected:
        raise ConfigError(
            f"model: {config.model['_target_']} makes {tuple(logits.shape)} of a batch "
            f"{tuple(batch.shape)}, not logits {expected}"
        )
