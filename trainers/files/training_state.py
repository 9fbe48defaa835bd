"""Copy and serialise a training's state: plain containers, plain values and tensors."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import IO, Any

import torch


def detached(value: Any, path: str = "state") -> Any:
    """Copy a state deeply to the CPU, where later steps of training do not change it.

    Raises:
        TypeError: a value that `torch.load(weights_only=True)` would refuse to read back.
    """
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: detached(item, f"{path}[{key!r}]") for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [detached(item, f"{path}[{i}]") for i, item in enumerate(value)]
        return items if isinstance(value, list) else tuple(items)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{path} is a {type(value).__name__}, which a checkpoint cannot hold")


class CountedBytes:
    """Counts and checksums the bytes written to `file`, or to nowhere."""

    def __init__(self, file: IO[bytes] | None) -> None:
        self.file = file
        self.bytes = 0
        self.crc32 = 0

    def write(self, data: bytes | memoryview) -> int:
        """Write `data` to the file, and count it."""
        self.bytes += len(data)
        self.crc32 = zlib.crc32(data, self.crc32)
        if self.file is not None:
            self.file.write(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: who opened `file` flushes it."""


def write(state: Mapping[str, Any], file: IO[bytes] | None) -> CountedBytes:
    """Serialise a state, to `file` or, for its size only, to nowhere."""
    written = CountedBytes(file)
    torch.save(dict(state), written)  # type: ignore[arg-type]  # all it calls is write and flush
    return written
