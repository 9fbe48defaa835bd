"""Load a table from CSV files, read once into arrays that are mapped into every process.

<cache>/<name>-<key>/meta.json      features, classes, and whether numbers are missing
<cache>/<name>-<key>/train_x.npy    (R, features) float32, nan where a number is missing
<cache>/<name>-<key>/train_y.npy    (R,) int64, or (R, K) float32
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from trainers.config.hydra_grammar import written
from trainers.data import features
from trainers.data.csv_file import Column, Wanted, columns, count_rows, fill, header
from trainers.data.csv_file import require_targets as _require_targets
from trainers.data.dataset import Dataset
from trainers.data.features import PARTS, Arrays, Split
from trainers.errors import ConfigError, DataError

#: Version of the cache's format.
_VERSION = 1


def load(
    root: str | None,
    target: Any,
    predicts: str,
    ignore: list[str],
    categorical: list[str],
    missing: str,
    delimiter: str,
    cache: str | None,
    fraction: float,
    split_seed: int,
    validation: float,
    test: float,
    scaling: str,
) -> Dataset:
    """Load a table.

    Args:
        root: a CSV file, or a folder with train.csv and perhaps valid.csv and test.csv.
        target: column to predict; for numbers also a list of them.
        predicts: classes or numbers.
        ignore: columns to leave out, such as an id.
        categorical: columns that are texts even where they look like numbers.
        missing: refuse, or impute: a number by its mean in training, a text by none of
            the texts.
        delimiter: between two cells.
        cache: folder for the arrays; None: .caviar beside the files.
        fraction: share of the training part that is used.
        split_seed: seeds what validates and what `fraction` leaves.
        validation, test: shares held out of the training rows, where no file has them.
        scaling: by feature over the training part: standardise, minmax or none.

    Raises:
        DataError: no such file or column, or a cell that does not fit.
        ConfigError: a key that cannot be.
    """
    split = Split(fraction, split_seed, validation, test)
    wanted = _wanted(target, predicts, ignore, categorical, missing, delimiter)
    files = _files(root)
    place = _place(files, wanted, cache)
    meta = _meta(place)
    if meta is None:
        with Console(stderr=True).status(f"reading {files['train']}, this once"):
            _build(place, files, wanted)
        meta = _meta(place)
    assert meta is not None, place
    given: dict[str, Arrays] = {}
    for part in files:
        x, y = (place / f"{part}_{kind}.npy" for kind in "xy")
        targets = torch.from_numpy(np.load(y)) if y.is_file() else None
        given[part] = (torch.from_numpy(np.load(x, mmap_mode="c")), targets)
    names = meta["classes"] if wanted.of_classes else list(wanted.targets)
    return features.dataset(
        given, names, wanted.of_classes, split, scaling, meta["digest"], meta["missing"]
    )


def here(**keys: Any) -> bool:
    """Return whether the table has been read before."""
    names = ("target", "predicts", "ignore", "categorical", "missing", "delimiter")
    wanted = _wanted(*(keys[name] for name in names))
    return _meta(_place(_files(keys["root"]), wanted, keys["cache"])) is not None


def _wanted(
    target: Any,
    predicts: str,
    ignore: Sequence[str],
    categorical: Sequence[str],
    missing: str,
    delimiter: str,
) -> Wanted:
    targets = tuple(map(str, target if isinstance(target, list) else [target]))
    of_classes = predicts == "classes"
    if target is None or not targets:
        raise ConfigError("data.target must name the column to predict: data.target=price")
    if of_classes and len(targets) > 1:
        raise ConfigError(f"data.target={list(targets)}: of classes one column, data.target=kind")
    if missing not in ("refuse", "impute"):
        raise ConfigError(f"data.missing must be refuse or impute, not {written(missing)}")
    if len(delimiter) != 1:
        raise ConfigError(f"data.delimiter must be one character, not {written(delimiter)}")
    for key, names in (("ignore", ignore), ("categorical", categorical)):
        if not isinstance(names, list):
            raise ConfigError(f"data.{key} must be a list of columns: data.{key}=[{names}]")
        for name in targets:
            if name in map(str, names):
                raise ConfigError(f"data.{key}: {name} is the target: take it out of the list")
    return Wanted(
        targets, of_classes, tuple(map(str, ignore)), tuple(map(str, categorical)),
        missing == "impute", delimiter,
    )  # fmt: skip


def _files(root: str | None) -> dict[str, Path]:
    if not root:
        raise DataError("data=csv needs a file, or a folder with train.csv: data.root=table.csv")
    place = Path(root)
    if place.is_file():
        return {"train": place}
    found = {part: place / f"{part}.csv" for part in PARTS if (place / f"{part}.csv").is_file()}
    if "train" not in found:
        state = "has no train.csv" if place.is_dir() else "is not there"
        raise DataError(
            f"{place} {state}: data.root must be a CSV file, or a folder with train.csv"
        )
    return found


def _place(files: dict[str, Path], wanted: Wanted, cache: str | None) -> Path:
    """Return the folder of the arrays of these files as they are now."""
    about = [
        (p, str(f.resolve()), f.stat().st_size, f.stat().st_mtime_ns) for p, f in files.items()
    ]
    key = hashlib.sha256(repr((_VERSION, about, wanted)).encode()).hexdigest()[:12]
    train = files["train"]
    name = re.sub(r"[^\w.-]+", "_", train.stem)
    return (Path(cache) if cache else train.parent / ".caviar") / f"{name}-{key}"


def _meta(place: Path) -> dict[str, Any] | None:
    try:
        meta: dict[str, Any] = json.loads((place / "meta.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return meta


def _build(place: Path, files: dict[str, Path], wanted: Wanted) -> None:
    """Read the files into arrays; another process may do so at once, and one of them is kept."""
    found, classes, rows = columns(files["train"], wanted)
    fresh = place.with_name(f".{place.name}.{os.getpid()}.tmp")
    try:
        fresh.mkdir(parents=True)
        meta = _write(fresh, files, wanted, found, classes, rows)
        (fresh / "meta.json").write_text(json.dumps(meta, indent=1), encoding="utf-8")
        if _meta(place) is None:
            fresh.rename(place)
    except OSError as error:
        raise DataError(
            f"the arrays of {files['train']} cannot be written to {place.parent} "
            f"({error.strerror}): name another folder with data.cache=…"
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _write(
    folder: Path,
    files: dict[str, Path],
    wanted: Wanted,
    found: Sequence[Column],
    classes: Sequence[str],
    rows: int,
) -> dict[str, Any]:
    width = sum(column.width for column in found)
    digest = hashlib.sha256(repr((found, classes)).encode())
    missing = False
    for part, path in files.items():
        names = header(path, wanted) if part != "train" else []
        count = rows if part == "train" else count_rows(path, wanted)
        labelled = part != "test" or all(target in names for target in wanted.targets)
        if part == "valid":
            _require_targets(path, names, wanted)
        x = np.lib.format.open_memmap(
            folder / f"{part}_x.npy", mode="w+", dtype=np.float32, shape=(count, width)
        )
        y: Any = None
        if labelled:
            y = (
                np.zeros(count, dtype=np.int64)
                if wanted.of_classes
                else np.zeros((count, len(wanted.targets)), dtype=np.float32)
            )
        fill(path, wanted, found, classes, x, y)
        x.flush()
        digest.update(x.data)
        missing = missing or (wanted.impute and bool(np.isnan(x).any()))
        if y is not None:
            np.save(folder / f"{part}_y.npy", y)
            digest.update(y.data)
    return {
        "features": [
            f"{c.name}={t}" if c.texts else c.name for c in found for t in c.texts or [""]
        ],
        "classes": list(classes),
        "missing": missing,
        "digest": digest.hexdigest(),
    }
