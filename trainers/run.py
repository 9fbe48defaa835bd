"""Train in a folder: every epoch is saved before it is yielded, and none is trained twice.

<folder>/epoch_NNN/    checkpoints        <folder>/metrics.csv    one row an epoch
<folder>/histograms/   of weights and gradients, where asked for
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from trainers.config import Keep, TrainConfig
from trainers.errors import CorruptCheckpoint, FolderInUse, ForeignCheckpoint
from trainers.files import checkpoints, histograms, history
from trainers.fit import fit


@dataclass(frozen=True)
class Saved:
    """Holds an epoch that is safely on disk.

    Attributes:
        number: from 1.
        metrics: as in trainers.fit.Epoch.
        checkpoint: folder of the checkpoint; gone again where `checkpoint.keep` has let a later
            epoch replace it.
        notes: messages for a person about the epochs up to this one, such as a checkpoint that was
            damaged; usually empty.
    """

    number: int
    metrics: dict[str, float]
    checkpoint: Path
    notes: tuple[str, ...] = ()


def run(
    config: TrainConfig, folder: Path, after: int = 0, owner: str = ""
) -> Generator[Saved, None, None]:
    """Train in `folder`, going on from its newest complete checkpoint if it has one.

    Ends after `config.epochs`, or when `config.patience` is out.

    Args:
        config: what to train; the same as before if the folder has epochs already.
        folder: made if need be, and locked against a second run until this one ends.
        after: the last epoch that the caller knows of. Finished epochs after it come first,
            without training. An epoch up to it comes only if it has to be trained again, its
            checkpoint being damaged.
        owner: id of this training, which its checkpoints carry: those of another are set aside.

    Raises:
        FolderInUse: another run uses the folder.
        Diverged: as `fit` does; the epochs before remain.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        checkpoint, rows, notes = _repaired(folder, owner)
        for number in [n for n in rows if n > after]:
            yield Saved(number, rows[number], _checkpoint(folder, number), tuple(notes))
            notes.clear()
        if history.stalled(rows, config.task, config.patience):
            return
        for epoch in fit(config, checkpoint.state if checkpoint else None):
            if epoch.histograms:
                histograms.save(folder, epoch.number, epoch.histograms)
            path = checkpoints.save(folder, epoch, owner)
            durable = config.checkpoint.keep is not Keep.all
            history.append(folder / "metrics.csv", epoch.number, epoch.metrics, durable)
            rows[epoch.number] = epoch.metrics
            checkpoints.prune(folder, config.checkpoint.keep, history.best(rows, config.task))
            yield Saved(epoch.number, epoch.metrics, path, tuple(notes))
            notes.clear()
            if history.stalled(rows, config.task, config.patience):
                return


def _repaired(
    folder: Path, owner: str
) -> tuple[checkpoints.Checkpoint | None, history.Rows, list[str]]:
    """Read the folder's state, after repairing what a kill or a bad disk has left in it."""
    checkpoints.clean(folder)
    checkpoint, corrupt = checkpoints.latest(folder, owner)
    last = checkpoint.number if checkpoint else 0
    notes = []
    for error in corrupt:
        kept = ""
        if isinstance(error, ForeignCheckpoint):
            kept = f" (kept as {checkpoints.set_aside(error.path).name})"
        else:
            checkpoints.remove(error.path)
        notes.append(f"{error}{kept}; training goes on from epoch {last}")
    table = folder / "metrics.csv"
    rows = {number: row for number, row in history.read(table).items() if number <= last}
    for number, path in checkpoints.saved(folder).items():
        # A checkpoint is written before its row, and checks itself: where it is, it decides.
        with contextlib.suppress(CorruptCheckpoint):
            rows[number] = checkpoints.metrics(path, owner)
    lost = sorted(set(range(1, last + 1)) - set(rows))
    if lost:
        notes.append(f"{table}: the metrics of epochs {', '.join(map(str, lost))} are lost")
    rows = dict(sorted(rows.items()))
    if rows or table.exists():  # else the training begins, and there is nothing to repair
        history.write(table, rows)
    return checkpoint, rows, notes


def _checkpoint(folder: Path, number: int) -> Path:
    return folder / f"epoch_{number:03d}"


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock the folder. The system unlocks it when the process ends, however it ends."""
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderInUse(
                f"{folder} is in use by another run: wait for it to end, or use another folder"
            ) from error
        yield
    finally:
        os.close(descriptor)
