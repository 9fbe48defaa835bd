"""Project the last hidden layer's features of some examples onto two dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from trainers.config import TrainConfig
from trainers.data.dataset import Part
from trainers.device import autocast
from trainers.errors import ConfigError
from trainers.learner import evaluation_batches
from trainers.model_and_data import shuffled

#: Examples that are drawn, at most.
EXAMPLES = 2000
#: Principal components that t-SNE starts from; the others are noise that costs time.
_TSNE_FROM = 50


@dataclass(frozen=True)
class Hidden:
    """Holds the features of some examples, as the last linear layer receives them.

    Attributes:
        index: (N,) int64, positions of the examples in the part, ascending.
        labels: (N,) int64.
        features: (N, width) float32.
    """

    index: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    features: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Plane:
    """Holds the examples in two dimensions.

    Attributes:
        points: (N, 2) float64.
        axes: name of each dimension.
    """

    points: npt.NDArray[np.float64]
    axes: tuple[str, str]


@torch.inference_mode()
def hidden(config: TrainConfig, model: nn.Module, part: Part, count: int = EXAMPLES) -> Hidden:
    """Compute the inputs of the last linear layer for `count` examples, drawn by config.seed.

    Raises:
        ConfigError: the model has no Linear layer.
    """
    device = next(model.parameters()).device
    index = shuffled(len(part), config.seed, device)[:count].sort().values
    received: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        received[:] = [inputs[0]]  # of those that run, the last one stays

    hooks = [m.register_forward_pre_hook(keep) for m in model.modules() if isinstance(m, nn.Linear)]
    features, labels = [], []
    model.eval()
    try:
        for piece in evaluation_batches(index):
            x, y = part.batch(piece)
            with autocast(config, device):
                model(x)
            if not received:
                raise ConfigError(
                    "the model has no Linear layer, and so no hidden layer before it to draw"
                )
            features.append(received[0].flatten(1).float())
            labels.append(y)
    finally:
        for hook in hooks:
            hook.remove()
    kept = [torch.cat(each).cpu().numpy() for each in (features, labels)]
    return Hidden(index.cpu().numpy(), kept[1], kept[0])


def pca(features: npt.NDArray[np.float32]) -> Plane:
    """Project onto the two principal components, each with its share of the variance.

    The same on every call: the random start of the decomposition is fixed, and the largest
    weight of each component is positive.
    """
    scores, shares = _components(features, 2)
    axes = [f"component {i + 1} ({share:.0%} of the variance)" for i, share in enumerate(shares)]
    return Plane(scores, (axes[0], axes[1]))


def tsne(features: npt.NDArray[np.float32], seed: int) -> Plane:
    """Embed by t-SNE (van der Maaten & Hinton 2008, "Visualizing Data using t-SNE").

    Distances mean little. Takes some 10 s for 2000 examples on one core.

    Raises:
        ConfigError: fewer than 5 examples.
    """
    from sklearn.manifold import TSNE

    count = len(features)
    if count < 5:
        raise ConfigError(f"hidden=tsne needs 5 examples or more, not {count}: use hidden=pca")
    start, _ = _components(features, min(_TSNE_FROM, count - 1, features.shape[1]))
    fit = TSNE(perplexity=min(30.0, (count - 1) / 3), init="pca", random_state=seed)
    return Plane(fit.fit_transform(start).astype(np.float64), ("t-SNE 1", "t-SNE 2"))


def _components(
    features: npt.NDArray[np.float32], count: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Compute (N, count) scores and (count,) shares of the variance; zeros beyond the rank."""
    values = torch.from_numpy(features).double()
    values = values - values.mean(0)
    total = float(values.square().sum())
    scores = np.zeros((len(values), count))
    shares = np.zeros(count)
    # More than are asked for: the random projection then finds these ones to many digits.
    rank = min(count + 10, *values.shape)
    if total == 0 or rank == 0:
        return scores, shares
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        _, sizes, directions = torch.pca_lowrank(values, q=rank, center=False, niter=8)
    computed = min(count, rank)
    directions, sizes = directions[:, :computed], sizes[:computed]
    largest = directions.gather(0, directions.abs().argmax(0, keepdim=True))
    scores[:, :computed] = (values @ (directions * largest.sign())).numpy()
    shares[:computed] = (sizes.square() / total).numpy()
    return scores, shares
