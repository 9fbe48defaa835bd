"""Run the course tutorial's study as a student writes it: Optuna, a DataLoader, one process.

The rival of `make bench BENCH=tutorial`; it uses nothing of this project but the code that reads
the four files, so that both sides train and validate on the same images. As in the tutorial, TPE
and the median rule are Optuna's defaults, and a pruned trial ends at once.

    python -m sweeps.bench.plain_optuna ROOT SEED FILE

writes to FILE, as JSON: the best validation accuracy, the same model's accuracy on the test images,
and for each trial its end (seconds since 1970) and the best accuracy until then.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from torch import Tensor, nn
from torch.nn.functional import nll_loss
from torch.utils.data import DataLoader, Dataset

from trainers.data.dataset import Images, Part
from trainers.data.mnist import load

BATCH, EPOCHS, BATCHES, VALIDATION_BATCHES = 128, 10, 30, 10
TRIALS, LIMIT_S = 100, 600


class _Images(Dataset[tuple[Tensor, Tensor]]):
    """Returns one image at a time, converted to a tensor between 0 and 1 on access."""

    def __init__(self, images: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = torch.from_numpy(self.images[index]).float().div(255)
        return image, torch.tensor(self.labels[index])


def _model(trial: optuna.Trial) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Flatten()]
    width = 28 * 28
    for i in range(trial.suggest_int("n_layers", 1, 3)):
        units = trial.suggest_int(f"n_units_l{i}", 4, 128)
        layers += [nn.Linear(width, units), nn.ReLU()]
        layers.append(nn.Dropout(trial.suggest_float(f"dropout_l{i}", 0.2, 0.5)))
        width = units
    return nn.Sequential(*layers, nn.Linear(width, 10), nn.LogSoftmax(dim=1))


class _Objective:
    """Computes the accuracy of a trial, and keeps the best model so far."""

    def __init__(self, root: str, seed: int) -> None:
        data = load(root, fraction=1.0, split_seed=0, validation=0.0213333, scaling="none")

        def images(part: Part) -> _Images:
            assert isinstance(part, Images)
            return _Images(part.pixels.numpy(), part.labels.numpy())

        torch.manual_seed(seed)
        self.train = DataLoader(images(data.train), batch_size=BATCH, shuffle=True)
        self.valid = DataLoader(images(data.valid), batch_size=BATCH)
        self.test = DataLoader(images(data.test), batch_size=BATCH)
        self.best = 0.0
        self.best_model: nn.Module | None = None

    def __call__(self, trial: optuna.Trial) -> float:
        model = _model(trial)
        kind = trial.suggest_categorical("optimizer", ["Adam", "RMSprop", "SGD"])
        lr = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
        optimizer = getattr(torch.optim, kind)(model.parameters(), lr=lr)
        accuracy = 0.0
        for epoch in range(EPOCHS):
            model.train()
            for step, (x, y) in enumerate(self.train):
                if step >= BATCHES:
                    break
                optimizer.zero_grad()
                nll_loss(model(x), y).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            accuracy = _accuracy(model, self.valid, VALIDATION_BATCHES)
            if accuracy > self.best:
                self.best, self.best_model = accuracy, model
                self.best_state = {k: v.clone() for k, v in model.state_dict().items()}
            trial.report(accuracy, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return accuracy


def _accuracy(model: nn.Module, loader: DataLoader[tuple[Tensor, Tensor]], batches: int) -> float:
    model.eval()
    right = seen = 0
    with torch.no_grad():
        for step, (x, y) in enumerate(loader):
            if step >= batches:
                break
            right += int((model(x).argmax(dim=1) == y).sum().item())
            seen += len(y)
    return right / seen


def main(root: str, seed: int) -> dict[str, Any]:
    """Run the study and return its figures."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    objective = _Objective(root, seed)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    ended: list[tuple[float, float]] = []

    def record(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        ended.append((time.time(), objective.best))

    study.optimize(objective, n_trials=TRIALS, timeout=LIMIT_S, callbacks=[record])
    assert objective.best_model is not None
    objective.best_model.load_state_dict(objective.best_state)
    test = _accuracy(objective.best_model, objective.test, len(objective.test))
    return {"best": objective.best, "test": test, "trials": len(ended), "best_at": ended}


if __name__ == "__main__":
    figures = main(sys.argv[1], int(sys.argv[2]))
    Path(sys.argv[3]).write_text(json.dumps(figures))
