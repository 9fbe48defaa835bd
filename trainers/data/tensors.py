"""Load feature tensors that a person has made: x and y in .npy, .npz or .pt files.

`data.root` is a file data.npz or data.pt with x and y, or a folder with

    train.npz  valid.npz  test.npz       arrays x and y, or train.pt and so on: a dict of tensors
    train_x.npy  train_y.npy  valid_x.npy …            arrays, which are mapped into memory
    x.npy  y.npy        data.npz        data.pt        all examples together

What no file has is held out of the training examples. The test part may lack y. Nothing is
unpickled.
"""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainers.data import features
from trainers.data.dataset import Dataset
from trainers.data.features import PARTS, Arrays, Split, labels_of
from trainers.errors import DataError, first_line

_WHOLE = "data"


def load(
    root: str | None,
    predicts: str,
    fraction: float,
    split_seed: int,
    validation: float,
    test: float,
    scaling: str,
    thorough: bool = False,
) -> Dataset:
    """Load the tensors; .npy files are mapped, so that trials on a machine share their memory.

    Args:
        root: file or folder; see above.
        predicts: classes (y: whole numbers (N,)) or numbers (y: (N,) or (N, K)).
        fraction: share of the training part that is used.
        split_seed: seeds what validates and what `fraction` leaves.
        validation, test: shares held out of the training examples, where no file has them.
        scaling: by feature over the training part: standardise, minmax or none.
        thorough: take a fingerprint of every number.

    Raises:
        DataError: no such files, or not of these shapes and types.
    """
    split = Split(fraction, split_seed, validation, test)
    of_classes = predicts == "classes"
    files = _found(root)
    read = {part: _read(paths, part) for part, paths in files.items()}
    x, y = read["train"]
    if y is None:
        raise DataError(f"{files['train'][0]} has no y, which only the test part may lack")
    names: list[str] = []
    given: dict[str, Arrays] = {}
    digest = hashlib.sha256(repr((predicts, split)).encode())
    for part, (inputs, targets) in read.items():
        where = files[part][0]
        if inputs.shape[1:] != x.shape[1:]:
            raise DataError(
                f"{where}: examples of {tuple(inputs.shape[1:])}, and those to train on are of "
                f"{tuple(x.shape[1:])}: they must be alike"
            )
        if targets is None and part != "test":
            raise DataError(f"{where} has no y, which only the test part may lack")
        made = None
        if targets is not None:
            if len(targets) != len(inputs):
                raise DataError(f"{where}: {len(inputs)} examples and {len(targets)} targets")
            made, names = _targets(targets, part, of_classes, names)
        given[part] = (inputs, made)
        if thorough:
            for tensor in (inputs, made):
                if tensor is not None:
                    digest.update(np.ascontiguousarray(tensor.numpy()).data)
    return features.dataset(given, names, of_classes, split, scaling, digest.hexdigest())


def _targets(
    values: np.ndarray[Any, Any], part: str, of_classes: bool, names: list[str]
) -> tuple[Tensor, list[str]]:
    """Check targets, and name them: by those of the training part, which comes first."""
    if of_classes:
        labels, classes = labels_of(values, f"y of {part}")
        names = names or [str(label) for label in range(classes)]
        if classes > len(names):
            raise DataError(
                f"y of {part} has a label {classes - 1}, and the training part has labels up to "
                f"{len(names) - 1}"
            )
        if len(names) > max(2, len(labels)) and part == "train":
            raise DataError(
                f"y of {part} has labels up to {len(names) - 1} in {len(labels)} examples: to "
                "predict numbers, task=regression"
            )
        return torch.from_numpy(labels), names
    if values.dtype.kind not in "iuf" or values.ndim > 2:
        raise DataError(
            f"y of {part} must be numbers (N,) or (N, K), and is {values.dtype} {values.shape}"
        )
    numbers = torch.from_numpy(values.astype(np.float32).reshape(len(values), -1))
    if not torch.isfinite(numbers).all():
        raise DataError(f"y of {part} has nan or inf among its numbers: leave these out")
    count = numbers.shape[1]
    names = names or (["y"] if count == 1 else [f"y{i}" for i in range(count)])
    if count != len(names):
        raise DataError(f"y of {part} has {count} numbers, and the training part has {len(names)}")
    return numbers, names


def _found(root: str | None) -> dict[str, list[Path]]:
    """Find the files of each part; "train" comes first.

    Raises:
        DataError: there are none.
    """
    if not root:
        raise DataError("data=tensors needs a file or a folder of x and y: data.root=features.npz")
    folder = Path(root)
    if folder.is_file():
        return {"train": [folder]}
    files = {}
    for part in PARTS:
        for name in (part, *([_WHOLE, ""] if part == "train" else [])):
            stem = f"{name}_" if name else ""
            pair = [folder / f"{stem}x.npy", folder / f"{stem}y.npy"]
            one = [folder / f"{name}{end}" for end in (".npz", ".pt") if name]
            there = next((path for path in one if path.is_file()), None)
            if there is not None:
                files[part] = [there]
            elif pair[0].is_file():
                files[part] = [path for path in pair if path.is_file()]
            if part in files:
                break
    if "train" not in files:
        state = "has no" if folder.is_dir() else "is not there: it should be a folder with"
        raise DataError(
            f"{folder} {state} train.npz, train.pt, train_x.npy and train_y.npy, or x.npy and y.npy"
        )
    return files


def _read(paths: list[Path], part: str) -> tuple[Tensor, np.ndarray[Any, Any] | None]:
    """Read x as a tensor and y as an array; .npy is mapped.

    Raises:
        DataError: a file that cannot be read without running code, or not x and y.
    """
    try:
        if paths[0].suffix == ".npy":
            arrays = dict(zip("xy", (np.load(p, mmap_mode="c") for p in paths), strict=False))
        elif paths[0].suffix == ".npz":
            with paths[0].open("rb") as file, np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in ("x", "y") if name in archive}
        elif paths[0].suffix == ".pt":
            loaded = torch.load(paths[0], weights_only=True, map_location="cpu")
            tensors = loaded if isinstance(loaded, dict) else {}
            arrays = {
                name: tensors[name].numpy()
                for name in ("x", "y")
                if isinstance(tensors.get(name), Tensor)
            }
        else:
            raise DataError(f"{paths[0]} must be a folder, or end in .npz or .pt")
    except DataError:
        raise
    except (OSError, ValueError, EOFError, KeyError, RuntimeError, TypeError,
            pickle.UnpicklingError, zipfile.BadZipFile) as error:  # fmt: skip
        raise DataError(
            f"{paths[0]} cannot be read: {first_line(error, 120)} (arrays of numbers are, not of "
            "objects)"
        ) from error
    if "x" not in arrays:
        raise DataError(f"{paths[0]} has no array x: np.savez({paths[0].name!r}, x=…, y=…)")
    x = arrays["x"]
    if x.ndim < 2 or not len(x) or x.dtype.kind not in "iufb":
        raise DataError(
            f"x of {part} must be numbers (N, features) or (N, channels, height, width), one "
            f"example or more, and is {x.dtype} {x.shape}"
        )
    if x.dtype.kind in "ub" and x.dtype != np.uint8:
        x = x.astype(np.float32)  # of types that torch does not gather from
    return torch.from_numpy(x), arrays.get("y")
