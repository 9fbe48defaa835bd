"""`make bench BENCH=trainer`: how fast phoneme training is, and what reading the data costs.

Frames a second of one epoch's loop with the same model, batch and precision:

    loader    as the course's starter notebooks do it: a Dataset whose __getitem__ cuts a window
              out of a padded array, and a DataLoader, without worker processes and with two
    ours      `trainers.learner`: one gather a batch, nothing leaves the device
    bare      the training step alone, over and over on one batch that is there already

Data: generated speech in the layout of HW1P2, unless `data.root=…` names real ones.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from sweeps.bench.record import Figure, rates, show, write
from sweeps.cli import refusals
from sweeps.config.overrides import value_given
from trainers import device
from trainers.config import TrainConfig, compose
from trainers.data import resident
from trainers.data.phonemes.hw1p2 import PHONEMES
from trainers.data.phonemes.synthetic import Language
from trainers.learner import Learner

#: Model -> its overrides, frames a batch, batches a turn on a CPU. A GPU takes 20 times as many.
MODELS = {
    "0.5 M": (("model.width=384", "model.depth=3"), 2048, 6),
    "20 M": (("model.width=2170", "model.depth=5"), 2048, 1),
}
RUNS = 5
UTTERANCES = 600


def main() -> None:
    """Measure, print, and write results/bench/trainer.json."""
    console = Console()
    with refusals(), tempfile.TemporaryDirectory() as scratch:
        root = value_given(sys.argv[1:], "data.root")
        place = Path(root) if root else _written(Path(scratch) / "data", console)
        data = [f"data.root={place}", f"data.cache={scratch}/cache", "data=hw1p2"]
        figures = _opening(place, data, console)
        for name, (model, batch, steps) in MODELS.items():
            words = ["task=phonemes", *data, *model, f"batch_size={batch}", *_processors()]
            figures |= _training(name, compose(words), steps, console)
        path = write("trainer", RUNS, figures)
    console.print(f"\n{path}", highlight=False)


def _processors() -> list[str]:
    gpu = torch.cuda.is_available()
    return ["precision=auto" if gpu else "precision=fp32", "resources.cpu=1"]


def _training(name: str, config: TrainConfig, steps: int, console: Console) -> dict[str, Figure]:
    where = device.pick(config)
    device.settle(config, where)
    steps *= 20 if where.type == "cuda" else 1
    dataset = resident.on(where, config.data)
    torch.manual_seed(0)
    learners = {kind: Learner.begin(config, dataset, where) for kind in ("ours", "bare", "loader")}
    count = config.batch_size * steps
    contenders: dict[str, Callable[[], int]] = {
        "loader, 0 workers": _loader(learners["loader"], dataset.train, 0, steps),
        "loader, 2 workers": _loader(learners["loader"], dataset.train, 2, steps),
        "ours": lambda: _ours(learners["ours"], dataset.train, count),
        "bare": _bare(learners["bare"], dataset.train, steps),
    }
    found = rates(contenders, RUNS, f"training, {name} parameters", console)
    figures = {f"{name}, {kind}": Figure.of(runs, "frames/s") for kind, runs in found.items()}
    for rival in ("bare", "loader, 0 workers", "loader, 2 workers"):
        pairs = zip(found["ours"], found[rival], strict=True)
        ratios = [ours / theirs for ours, theirs in pairs]
        figures[f"{name}, ours over {rival}"] = Figure.of(ratios, "x")
    if where.type == "cuda":
        parameters = sum(p.numel() for p in learners["ours"].model.parameters())
        peak = _matmul_peak(where)
        shares = [6 * parameters * rate / peak for rate in found["ours"]]
        figures[f"{name}, share of the bf16 matmul peak"] = Figure.of(shares, "of 1")
    show(console, f"\nTraining, {name} parameters, batches of {config.batch_size:,}", figures)
    return figures


def _ours(learner: Learner, part: Any, count: int) -> int:
    """A part of an epoch as `trainers.fit` has it, its means read at the end."""
    order = torch.randperm(len(part), device=learner.where)[:count]
    learner.train(part, order).means()
    return count


def _bare(learner: Learner, part: Any, steps: int) -> Callable[[], int]:
    """The step alone."""
    x, y = part.batch(torch.arange(learner.config.batch_size, device=learner.where))

    def work() -> int:
        learner.model.train()
        for _ in range(steps):
            loss, _ = learner.step(x, y)
        loss.item()
        return steps * len(x)

    return work


class _Windows(TorchDataset[tuple[Tensor, Tensor]]):
    """What students write: everything in one padded array, and a window cut out for each item."""

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
    """A part of an epoch by DataLoader, its bookkeeping included (`.item()` a batch)."""
    dataset = _Windows(part, part.context)
    loader = DataLoader(
        dataset,
        batch_size=learner.config.batch_size,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=learner.where.type == "cuda",
        multiprocessing_context=multiprocessing.get_context("fork") if workers else None,
    )
    batches = _endless(loader)
    model, optimizer, config = learner.model, learner.optimizer, learner.config

    def work() -> int:
        model.train()
        total, seen = 0.0, 0
        for _ in range(steps):
            x, y = next(batches)
            x, y = x.to(learner.where), y.to(learner.where)
            optimizer.zero_grad()
            with device.autocast(config, learner.where):
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


def _matmul_peak(where: torch.device) -> float:
    """Floating-point operations a second of large bf16 matrix products."""
    size = 8192
    a = torch.randn(size, size, device=where, dtype=torch.bfloat16)
    best = 0.0
    for _ in range(5):
        torch.cuda.synchronize()
        began = time.perf_counter()
        for _ in range(10):
            a @ a
        torch.cuda.synchronize()
        best = max(best, 10 * 2 * size**3 / (time.perf_counter() - began))
    return best


def _opening(root: Path, data: list[str], console: Console) -> dict[str, Figure]:
    """Seconds and memory until the data can be trained on, each in a process of its own."""
    config = compose(["task=phonemes", *data]).data
    (built,) = _in_processes(_open_ours, config, runs=1)
    ours = _in_processes(_open_ours, config, runs=RUNS)
    files = _in_processes(_open_files, str(root), runs=RUNS)
    figures = {
        "first opening, ours": Figure.of([built[0]], "s"),
        "opening, ours": Figure.of([s for s, _ in ours], "s"),
        "opening, .npy files": Figure.of([s for s, _ in files], "s"),
        "memory, first opening, ours": Figure.of([built[1]], "MB"),
        "memory, ours": Figure.of([m for _, m in ours], "MB"),
        "memory, .npy files": Figure.of([m for _, m in files], "MB"),
    }
    show(console, "Opening the data", figures)
    return figures


def _in_processes(
    work: Callable[[Any], tuple[float, float]], argument: Any, runs: int
) -> list[tuple[float, float]]:
    spawn = multiprocessing.get_context("spawn")
    found = []
    for _ in range(runs):
        with spawn.Pool(1) as pool:
            found.append(pool.apply(work, (argument,)))
    return found


def _open_ours(data: dict[str, Any]) -> tuple[float, float]:
    """(seconds, MB more at the peak than before)."""
    before, began = _peak_mb(), time.perf_counter()
    dataset = resident.prepare(data)
    dataset.train.batch(torch.arange(2))
    return time.perf_counter() - began, _peak_mb() - before


def _open_files(root: str) -> tuple[float, float]:
    """The same for reading, normalising and joining all files, as starter notebooks do."""
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


def _written(root: Path, console: Console) -> Path:
    """Generated speech in the layout of HW1P2."""
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
