"""Divide rows into training and validation: stratified, seeded, nested by fraction."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trainers.errors import DataError

Rows = npt.NDArray[np.int64]


def hold_out(labels: Rows, share: float, seed: int) -> tuple[Rows, Rows]:
    """Return (kept, held) rows, ascending: of each class `share` is held out, but never all.

    Raises:
        DataError: a share so small that nothing is held out.
    """
    kept, held = [], []
    for rows in _shuffled_by_class(labels, seed):
        count = min(round(share * len(rows)), len(rows) - 1)
        held.append(rows[:count])
        kept.append(rows[count:])
    if not sum(map(len, held)):
        raise DataError(
            f"data.validation={share:g} of {len(labels)} examples holds out none: raise it"
        )
    return np.sort(np.concatenate(kept)), np.sort(np.concatenate(held))


def subset(labels: Rows, fraction: float, seed: int) -> Rows:
    """Return `fraction` of the rows of each class, at least one row, ascending.

    For one seed a smaller fraction is a subset of a larger one, so that a trial on more data has
    seen what a trial on less data saw.
    """
    return np.sort(
        np.concatenate(
            [
                rows[: max(1, round(fraction * len(rows)))]
                for rows in _shuffled_by_class(labels, seed)
            ]
        )
    )


def _shuffled_by_class(labels: Rows, seed: int) -> list[Rows]:
    return [
        np.random.default_rng((seed, int(label))).permutation(np.flatnonzero(labels == label))
        for label in np.unique(labels)
    ]
