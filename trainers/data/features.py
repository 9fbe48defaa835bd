"""Divide rows of features into parts, scaled by the training part: of tables and tensors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainers.data.dataset import Dataset, Ints, Numbers
from trainers.data.scaling import Scaling, check
from trainers.data.splits import hold_out, subset
from trainers.errors import ConfigError, DataError

#: Rows that are looked at together.
_BLOCK = 8192
#: The test part is the same for every split_seed, so that test figures can be compared.
_TEST_SEED = 0
PARTS = ("train", "valid", "test")


@dataclass(frozen=True)
class Features:
    """Hold a part: rows of features and targets, filled up and scaled as gathered.

    Attributes:
        x: (R, *input_shape) of any type of numbers; a file may be mapped there.
        y: (R,) int64 labels or (R, K) float32 numbers; None: not known.
        rows: (N,) int64: the rows of x and y that are this part.
        fill: by feature, what stands for a missing number (nan); None: none is missing.
        scaling: of each feature; None for none.
    """

    x: Tensor
    y: Tensor | None
    rows: Tensor
    fill: Tensor | None
    scaling: Scaling | None

    @property
    def labelled(self) -> bool:
        """Whether the targets are known."""
        return self.y is not None

    def __len__(self) -> int:
        return len(self.rows)

    def inputs(self, index: Tensor) -> Tensor:
        """Gather inputs (N, *input_shape) float32 at `index`."""
        x = self.x.index_select(0, self.rows.index_select(0, index)).float()
        if self.fill is not None:
            x = torch.where(x.isnan(), self.fill, x)
        return x if self.scaling is None else self.scaling.apply(x)

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Gather inputs and targets at `index`.

        Raises:
            DataError: the targets are not known.
        """
        if self.y is None:
            raise DataError("the test part has no targets, and only train and valid are trained on")
        return self.inputs(index), self.y.index_select(0, self.rows.index_select(0, index))

    def to(self, device: torch.device) -> Features:
        """Return the same part on `device`, its own rows alone."""
        if self.x.device.type == device.type:
            return self
        x = self.x.index_select(0, self.rows)
        if x.dtype in (torch.float64, torch.int64):
            x = x.float()
        return replace(
            self,
            x=x.to(device),
            y=None if self.y is None else self.y.index_select(0, self.rows).to(device),
            rows=torch.arange(len(self.rows), device=device),
            fill=None if self.fill is None else self.fill.to(device),
            scaling=None if self.scaling is None else self.scaling.to(device),
        )


@dataclass(frozen=True)
class Split:
    """Says how rows are divided.

    Attributes:
        fraction: share of the training rows that is used.
        seed: seeds what validates and what `fraction` leaves.
        validation, test: shares that are held out, where no file has them.
    """

    fraction: float
    seed: int
    validation: float
    test: float

    def __post_init__(self) -> None:
        if not 0 < self.test < 1:
            raise ConfigError(f"data.test must be above 0 and below 1, not {self.test}")


#: x (R, *input_shape), and y as `Features` has it, of one part.
Arrays = tuple[Tensor, Tensor | None]


def dataset(
    given: Mapping[str, Arrays],
    names: Sequence[str],
    of_classes: bool,
    split: Split,
    scaling: str,
    fingerprint: str,
    missing: bool = False,
) -> Dataset:
    """Make a data set of the parts that are given; what is not is held out of "train".

    Args:
        names: of the classes, or of the numbers that are predicted.
        missing: whether nan stands for a missing number, to be the feature's mean in training.

    Raises:
        DataError: too few rows or classes, or numbers that are not finite.
    """
    check(scaling)
    x, y = given["train"]
    assert y is not None
    labels = y.numpy() if of_classes else np.zeros(len(y), dtype=np.int64)
    if of_classes and len(np.unique(labels)) < 2:
        raise DataError(
            f"all {len(labels)} training examples are of one class, {names[int(labels[0])]}: there "
            "is nothing to learn"
        )
    rows = _divided(labels, [part for part in PARTS[1:] if part not in given], split)
    if not missing:
        for part, (inputs, _) in given.items():
            _require_finite(inputs, part)
    train = torch.from_numpy(rows["train"])
    fill = _means(x, train) if missing else None
    fitted = _fitted(scaling, x, train, fill)
    numbers = None if of_classes else _numbers(names, y[train])
    parts = {}
    for part in PARTS:
        inputs, targets = given.get(part, given["train"])
        if numbers is not None and targets is not None:
            center, size = (torch.tensor(each) for each in (numbers.center, numbers.size))
            targets = (targets - center) / size
        chosen = rows[part] if part in rows else np.arange(len(inputs))
        parts[part] = Features(inputs, targets, torch.from_numpy(chosen), fill, fitted)
    shape = tuple(int(n) for n in x.shape[1:])
    digest = hashlib.sha256(fingerprint.encode())
    for part in sorted(rows):
        digest.update(rows[part].tobytes())
    return Dataset(
        parts["train"], parts["valid"], parts["test"], tuple(names) if of_classes else (), shape,
        digest.hexdigest()[:16], numbers,
    )  # fmt: skip


def _divided(labels: Ints, absent: Sequence[str], split: Split) -> dict[str, Ints]:
    """Divide the training rows among the parts that no file has; the test part first."""
    rest = np.arange(len(labels))
    rows: dict[str, Ints] = {}
    for part, share, seed in (
        ("test", split.test, _TEST_SEED),
        ("valid", split.validation, split.seed),
    ):
        if part in absent:
            kept, held = hold_out(labels[rest], share, seed)
            rows[part], rest = rest[held], rest[kept]
    rows["train"] = rest[subset(labels[rest], split.fraction, split.seed)]
    return rows


def _blocks(x: Tensor, rows: Tensor) -> Iterator[Tensor]:
    """Yield the rows as (n, D) float32, a block at a time: features last, channels of images."""
    for some in torch.split(rows, _BLOCK):
        block = x.index_select(0, some).float()
        if block.ndim == 4:
            block = block.movedim(1, -1)
        yield block.reshape(-1, block.shape[-1])


def _require_finite(x: Tensor, part: str) -> None:
    if not x.is_floating_point():
        return
    for start in range(0, len(x), _BLOCK):
        finite = torch.isfinite(x[start : start + _BLOCK].flatten(1)).all(1)
        if not finite.all():
            row = start + int((~finite).nonzero()[0, 0])
            raise DataError(
                f"x of {part}: example {row} (from 0) has nan or inf among its numbers: leave it "
                "out, or fill it in"
            )


def _means(x: Tensor, rows: Tensor) -> Tensor:
    """Compute the mean of each feature over the rows that have it; 0 where none has."""
    total = count = torch.zeros(1, dtype=torch.float64)
    for block in _blocks(x, rows):
        total, count = total + block.double().nansum(0), count + (~block.isnan()).sum(0)
    return (total / count.clamp(min=1)).float()


def _fitted(kind: str, x: Tensor, rows: Tensor, fill: Tensor | None) -> Scaling | None:
    blocks = _blocks(x, rows)
    if fill is not None:
        blocks = (torch.where(block.isnan(), fill, block) for block in blocks)
    fitted = Scaling.of_rows(kind, blocks)
    if fitted is None or x.ndim != 4:
        return fitted
    return Scaling(fitted.center.view(-1, 1, 1), fitted.scale.view(-1, 1, 1))


def _numbers(names: Sequence[str], y: Tensor) -> Numbers:
    values = y.double()
    center, size = values.mean(0), values.std(0, correction=0)
    for name, deviation in zip(names, size.tolist(), strict=True):
        if not deviation > 0:
            raise DataError(
                f"{name} is the same number in all {len(y)} training examples: there is nothing to "
                "learn"
            )
    return Numbers(tuple(names), tuple(center.float().tolist()), tuple(size.float().tolist()))


def labels_of(values: npt.NDArray[np.generic], what: str) -> tuple[Ints, int]:
    """Check labels (N,): whole numbers from 0 on; returns them and how many classes they need.

    Raises:
        DataError: other values.
    """
    if values.ndim != 1 or values.dtype.kind not in "iub":
        raise DataError(
            f"{what} must be whole numbers (N,), the labels of classes, and is {values.dtype} "
            f"{values.shape}; to predict numbers: task=regression"
        )
    labels = values.astype(np.int64)
    if len(labels) and labels.min() < 0:
        raise DataError(f"{what} has a label {labels.min()}: labels count from 0")
    return labels, int(labels.max(initial=-1)) + 1
