"""Measure the speed of phoneme training and the cost of reading its data.

Frames per second of one epoch's loop with the same model, batch and precision:

    loader    as the course's starter notebooks do it: a Dataset whose __getitem__ cuts a window
              out of a padded array, and a DataLoader, without worker processes and with two
    ours      `trainers.learner`: one gather a batch, nothing leaves the device
    bare      the training step alone, over and over on one batch that is there already

Data: generated speech in the layout of HW1P2, unless `data.root=…` names real data.

    make bench BENCH=trainer ARGS="data.root=data/hw1p2"
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from sweeps.bench.record import MedianOfRuns, rates, show, write
from sweeps.cli import refusals, terminal
from sweeps.config.overrides import key_of, value_given, value_of
from trainers.config import TrainConfig, compose
from trainers.data import resident
from trainers.data.phonemes.hw1p2 import PHONEMES
from trainers.data.phonemes.synthetic import Language
from trainers.device import autocast, pick_device, set_up_process
from trainers.errors import ConfigError
from trainers.learner import Learner

#: Model -> its overrides, frames per batch, batches per turn on a CPU; 20 times as many on a GPU.
MODELS = {
    "0.5 M": (("model.width=384", "model.depth=3"), 2048, 6),
    "20 M": (("model.width=2170", "model.depth=5"), 2048, 1),
}
RUNS = 5
UTTERANCES = 600


def main() -> None:
    """Measure, print tables and write results/bench/trainer.json."""
    console = terminal()
    with refusals(), tempfile.TemporaryDirectory() as scratch:
        given_root = _data_root(sys.argv[1:])
        root = given_root or _generated(Path(scratch) / "data", console)
        data = [f"data.root={root}", f"data.cache={scratch}/cache", "data=hw1p2"]
        figures = _opening(root, data, console)
        for name, (model, batch, steps) in MODELS.items():
            words = ["task=phonemes", *data, *model, f"batch_size={batch}", *_processors()]
            figures |= _training(name, compose(words), steps, console)
        path = write("trainer", RUNS, figures)
    console.print(f"\n{path}")


def _data_root(words: Sequence[str]) -> Path | None:
    """Read the option `data.root=`; None if the data are to be generated."""
    for word in words:
        if key_of(word) != "data.root" or not value_of(word):
            raise ConfigError(f"{word}: this bench takes data.root=data/hw1p2, or no option")
    root = value_given(words, "data.root")
    return None if root is None else Path(root)


def _processors() -> list[str]:
    gpu = torch.cuda.is_available()
    return ["precision=auto" if gpu else "precision=fp32", "resources.cpu=1"]


def _training(
    name: str, config: TrainConfig, steps: int, console: Console
) -> dict[str, MedianOfRuns]:
    place = pick_device(config)
    set_up_process(config, place)
    steps *= 20 if place.type == "cuda" else 1
    dataset = resident.on(place, config.data)
    torch.manual_seed(0)
    learners = {kind: Learner.begin(config, dataset, place) for kind in ("ours", "bare", "loader")}
    count = config.batch_size * steps
    contenders: dict[str, Callable[[], int]] = {
        "loader, 0 workers": _loader(learners["loader"], dataset.train, 0, steps),
        "loader, 2 workers": _loader(learners["loader"], dataset.train, 2, steps),
        "ours": lambda: _ours(learners["ours"], dataset.train, count),
        "bare": _bare(learners["bare"], dataset.train, steps),
    }
    rate_of = rates(contenders, RUNS, f"training, {name} parameters", console)
    figures = {
        f"{name}, {kind}": MedianOfRuns.of(runs, "frames/s") for kind, runs in rate_of.items()
    }
    for rival in ("bare", "loader, 0 workers", "loader, 2 workers"):
        pairs = zip(rate_of["ours"], rate_of[rival], strict=True)
        ratios = [ours / theirs for ours, theirs in pairs]
        figures[f"{name}, ours over {rival}"] = MedianOfRuns.of(ratios, "x")
    if place.type == "cuda":
        parameters = sum(p.numel() for p in learners["ours"].model.parameters())
        peak = _matmul_peak(place)
        shares = [6 * parameters * rate / peak for rate in rate_of["ours"]]
        figures[f"{name}, share of the bf16 matmul peak"] = MedianOfRuns.of(shares, "of 1")
    show(console, f"\nTraining, {name} parameters, batches of {config.batch_size:,}", figures)
    return figures


def _ours(learner: Learner, part: Any, count: int) -> int:
    """Train a part of an epoch as `trainers.fit` does, and read its means at the end."""
    order = torch.randperm(len(part), device=learner.device)[:count]
    learner.train(part, order).metrics("train")
    return count


def _bare(learner: Learner, part: Any, steps: int) -> Callable[[], int]:
    """Return work that does the training step alone, always on the same batch."""
    x, y = part.batch(torch.arange(learner.config.batch_size, device=learner.device))

    def work() -> int:
        learner.model.train()
        for _ in range(steps):
            loss, _ = learner.step(x, y)
        loss.item()
        return steps * len(x)

    return work


class _Windows(TorchDataset[tuple[Tensor, Tensor]]):
    """Cuts a window for each item out of one padded array, as students write it."""

    def __init__(self, part: Any, context: int) -> None:
        utterances = [(int(f + s), int(f)) for f, s in zip(part.firsts, part.shifts, strict=True)]
        ends = [*[first for _, first in utterances[1:]], len(part)]
        rows = [
            part.rows[row : row + end - first]
            for (row, first), end in zip(utterances, ends, strict=True)
        ]
        labels = [
            part.row_labels[row : row + end - first]
            for (row, first), end in zip(utterances, ends, strict=True)
        ]
        frames = torch.cat(rows).float().cpu().numpy()
        self.frames = np.pad(frames, ((context, context), (0, 0)))
        self.labels = torch.cat(labels).cpu().numpy().astype(np.int64)
        self.context = context

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        window = self.frames[index : index + 2 * self.context + 1]
        return torch.FloatTensor(window), torch.tensor(self.labels[index])


def _loader(learner: Learner, part: Any, workers: int, steps: int) -> Callable[[], int]:
    """Return work that trains a part of an epoch with a DataLoader, `.item()` each batch."""
    dataset = _Windows(part, part.context)
    loader = DataLoader(
        dataset,
        batch_size=learner.config.batch_size,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=learner.device.type == "cuda",
        multiprocessing_context=multiprocessing.get_context("fork") if workers else None,
    )
    batches = _endless(loader)
    model, optimizer, config = learner.model, learner.optimizer, learner.config

    def work() -> int:
        model.train()
        total, seen = 0.0, 0
        for _ in range(steps):
            x, y = next(batches)
            x, y = x.to(learner.device), y.to(learner.device)
            optimizer.zero_grad()
            with autocast(config, learner.device):
                logits = model(x)
            loss = cross_entropy(logits.float(), y)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.item()
            seen += len(y)
        return seen

    return work


def _endless(loader: DataLoader[Any]) -> Iterator[Any]:
    while True:
        yield from loader


def _matmul_peak(place: torch.device) -> float:
    """Measure the floating-point operations per second of large bf16 matrix products."""
    size = 8192
    a = torch.randn(size, size, device=place, dtype=torch.bfloat16)
    best = 0.0
    for _ in range(5):
        torch.cuda.synchronize()
        began = time.perf_counter()
        for _ in range(10):
            a @ a
        torch.cuda.synchronize()
        best = max(best, 10 * 2 * size**3 / (time.perf_counter() - began))
    return best


def _opening(root: Path, data: list[str], console: Console) -> dict[str, MedianOfRuns]:
    """Measure seconds and memory until the data can be trained on, in fresh processes."""
    config = compose(["task=phonemes", *data]).data
    (built,) = _in_processes(_open_ours, config, runs=1)
    ours = _in_processes(_open_ours, config, runs=RUNS)
    files = _in_processes(_open_files, str(root), runs=RUNS)
    figures = {
        "first opening, ours": MedianOfRuns.of([built[0]], "s"),
        "opening, ours": MedianOfRuns.of([s for s, _ in ours], "s"),
        "opening, .npy files": MedianOfRuns.of([s for s, _ in files], "s"),
        "memory, first opening, ours": MedianOfRuns.of([built[1]], "MB"),
        "memory, ours": MedianOfRuns.of([m for _, m in ours], "MB"),
        "memory, .npy files": MedianOfRuns.of([m for _, m in files], "MB"),
    }
    show(console, "Opening the data", figures)
    return figures


def _in_processes(
    work: Callable[[Any], tuple[float, float]], argument: Any, runs: int
) -> list[tuple[float, float]]:
    spawn = multiprocessing.get_context("spawn")
    measured = []
    for _ in range(runs):
        with spawn.Pool(1) as pool:
            measured.append(pool.apply(work, (argument,)))
    return measured


def _open_ours(data: dict[str, Any]) -> tuple[float, float]:
    """Open the data as a trial does; return seconds and MB at the peak beyond those before."""
    before, began = _peak_mb(), time.perf_counter()
    dataset = resident.prepare(data)
    dataset.train.batch(torch.arange(2))
    return time.perf_counter() - began, _peak_mb() - before


def _open_files(root: str) -> tuple[float, float]:
    """Read, normalise and join all files as starter notebooks do; return seconds and MB."""
    before, began = _peak_mb(), time.perf_counter()
    index = {name: number for number, name in enumerate(PHONEMES)}
    kept = []
    for part in [*sorted(Path(root).glob("train-clean-*")), Path(root) / "dev-clean"]:
        frames, labels = [], []
        for path in sorted((part / "mfcc").glob("*.npy")):
            x = np.load(path)
            frames.append((x - x.mean(axis=0)) / x.std(axis=0))
            labels.append(np.load(part / "transcript" / path.name)[1:-1])
        joined = np.concatenate(labels)
        kept.append((np.concatenate(frames), np.array([index[str(name)] for name in joined])))
    return time.perf_counter() - began, _peak_mb() - before


def _peak_mb() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _generated(root: Path, console: Console) -> Path:
    """Write generated speech in the layout of HW1P2 and return its folder."""
    language = Language(28, seed=0)
    names = np.array([*PHONEMES, "[SOS]", "[EOS]"])
    counts = {"train-clean-100": UTTERANCES, "dev-clean": 60, "test-clean": 60}
    with console.status("generating data"):
        for number, (part, count) in enumerate(counts.items()):
            for kind in ("mfcc", "transcript"):
                (root / part / kind).mkdir(parents=True)
            for utterance in range(count):
                said = language.utterance(number, utterance)
                labels = np.concatenate([[40], np.asarray(said.labels), [41]])
                np.save(root / part / "mfcc" / f"{utterance:04d}.npy", said.frames)
                np.save(root / part / "transcript" / f"{utterance:04d}.npy", names[labels])
    return root


if __name__ == "__main__":
    main()
