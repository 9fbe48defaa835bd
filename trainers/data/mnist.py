"""Load MNIST (LeCun, Cortes & Burges, 1998): 70,000 images of 28x28 pixels, in four files.

Other data sets in the same four files, such as Fashion-MNIST, load from their own `data.root`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from trainers.data.dataset import Bytes, Dataset, Ints, image_dataset
from trainers.data.download import fetch
from trainers.data.idx import read
from trainers.data.splits import hold_out, subset
from trainers.errors import DataError

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)

#: File -> MD5 of its .gz, as published with the data set.
FILES = {
    "train-images-idx3-ubyte": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte": "ec29112dd5afa0611ce80d1b7f02629c",
}

CLASSES = tuple(str(digit) for digit in range(10))


def here(root: str, fraction: float, split_seed: int, validation: float, scaling: str) -> bool:
    """Return whether all four files are in `root`."""
    return all(_find(Path(root), name) for name in FILES)


def prepare(root: str, fraction: float, split_seed: int, validation: float, scaling: str) -> None:
    """Download those of the four files that are not in `root`, compressed or not.

    Raises:
        DataError: one is missing and no mirror has it.
    """
    folder = Path(root)
    missing = {f"{name}.gz": md5 for name, md5 in FILES.items() if _find(folder, name) is None}
    if not missing:
        return
    try:
        fetch(missing, MIRRORS, folder)
    except DataError as error:
        raise DataError(
            f"MNIST is not in {folder} and cannot be fetched ({error}): place {', '.join(missing)} "
            "there, or train on the bundled digits with data=digits"
        ) from error


def load(root: str, fraction: float, split_seed: int, validation: float, scaling: str) -> Dataset:
    """Load MNIST as (1, 28, 28) images; the test part is the published one.

    Args:
        root: folder of the four files, which are downloaded into it if they are missing.
        fraction: share of the training part that is used.
        split_seed: seeds what validates and what `fraction` leaves.
        validation: share of the 60,000 training images that is held out.
        scaling: of the pixels over the training part: standardise, minmax or none.

    Raises:
        DataError: a file is missing, damaged, or disagrees with another.
    """
    prepare(root, fraction, split_seed, validation, scaling)
    pixels, labels = _pair(Path(root), "train")
    test = _pair(Path(root), "t10k")
    if pixels.shape[1:] != test[0].shape[1:]:
        raise DataError(
            f"{root}: training images of {pixels.shape[2:]} and test images of "
            f"{test[0].shape[2:]} are of different data sets: replace one"
        )
    train, valid = hold_out(labels, validation, split_seed)
    train = train[subset(labels[train], fraction, split_seed)]
    return image_dataset(
        (pixels[train], labels[train]), (pixels[valid], labels[valid]), test, CLASSES, scaling
    )


def _pair(folder: Path, part: str) -> tuple[Bytes, Ints]:
    """Read images (N, 1, H, W) and labels (N,) of the part "train" or "t10k"."""
    images_path = _existing(folder, f"{part}-images-idx3-ubyte")
    labels_path = _existing(folder, f"{part}-labels-idx1-ubyte")
    images, labels = read(images_path), read(labels_path)
    for path, array, dimensions, what in (
        (images_path, images, 3, "images"),
        (labels_path, labels, 1, "labels"),
    ):
        if array.ndim != dimensions or not array.size:
            raise DataError(
                f"{path} must hold {what} in {dimensions} dimension(s), one or more of them, and "
                f"holds {'x'.join(map(str, array.shape))}: replace it"
            )
    if len(images) != len(labels):
        raise DataError(
            f"{images_path} has {len(images)} images and {labels_path} has {len(labels)} labels: "
            "they must be of one data set, replace one"
        )
    if labels.max() >= len(CLASSES):
        raise DataError(
            f"{labels_path} has a label {labels.max()}: labels must be 0 to {len(CLASSES) - 1}"
        )
    # A copy: bytes from a file are read-only, which torch does not like.
    return images[:, None].copy(), labels.astype(np.int64)


def _find(folder: Path, name: str) -> Path | None:
    return next((p for p in (folder / f"{name}.gz", folder / name) if p.is_file()), None)


def _existing(folder: Path, name: str) -> Path:
    path = _find(folder, name)
    if path is None:
        raise DataError(f"{folder / name}.gz is gone: place it there, or train with data=digits")
    return path
