"""Load scikit-learn's bundled digits: 1797 images of 8x8 pixels, each 0 to 16. No download.

scikit-learn's file is read without importing scikit-learn: an import takes a second, in the
process of every trial.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from trainers.data.dataset import Dataset, image_dataset
from trainers.data.splits import hold_out, subset
from trainers.errors import DataError

#: Within scikit-learn: a line for each image, its pixels and then its label.
_FILE = Path("datasets", "data", "digits.csv.gz")

#: The test part is the same for every split_seed, so that test figures can be compared.
TEST_SHARE, TEST_SEED = 0.2, 0


def prepare(
    root: str | None, fraction: float, split_seed: int, validation: float, scaling: str
) -> None:
    """Check that scikit-learn, which brings the images, is installed.

    Raises:
        DataError: scikit-learn is not installed.
    """
    _file()


def load(
    root: str | None, fraction: float, split_seed: int, validation: float, scaling: str
) -> Dataset:
    """Load the digits as (1, 8, 8) images; a fifth of the images is the test part.

    Args:
        root: unused; there for the keys to be the same as other data sets'.
        fraction: share of the training part that is used.
        split_seed: seeds what validates and what `fraction` leaves.
        validation: share of the training images that is held out.
        scaling: of the pixels over the training part: standardise, minmax or none.

    Raises:
        DataError: scikit-learn is not installed, or nothing would be held out.
    """
    rows = np.loadtxt(_file(), delimiter=",", dtype=np.int64)
    pixels, labels = rows[:, :-1].astype(np.uint8).reshape(-1, 1, 8, 8), rows[:, -1]
    rest, test = hold_out(labels, TEST_SHARE, TEST_SEED)
    train, valid = (rest[rows] for rows in hold_out(labels[rest], validation, split_seed))
    train = train[subset(labels[train], fraction, split_seed)]
    return image_dataset(
        (pixels[train], labels[train]),
        (pixels[valid], labels[valid]),
        (pixels[test], labels[test]),
        classes=[str(digit) for digit in range(10)],
        scaling=scaling,
    )


def _file() -> Path:
    spec = importlib.util.find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise DataError("data=digits needs scikit-learn, which is not installed: run `make setup`")
    return Path(spec.submodule_search_locations[0]) / _FILE
