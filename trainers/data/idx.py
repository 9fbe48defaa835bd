"""Read the IDX format of the MNIST files: a magic number, big-endian sizes, then bytes.

Described with the original data set by LeCun, Cortes and Burges.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from trainers.data.dataset import Bytes
from trainers.errors import DataError

_UNSIGNED_BYTE = 0x08


def parse(data: bytes, name: str) -> Bytes:
    """Parse the array in an IDX file of unsigned bytes.

    Args:
        data: the file, uncompressed: 0, 0, 0x08, the number of dimensions, each size as a
            32-bit integer, then one byte an element.
        name: name of the file, for messages.

    Raises:
        DataError: the file is no IDX file, too short, or too long.
    """
    if len(data) < 4 or data[:2] != b"\0\0" or data[3] == 0:
        raise DataError(f"{name} is not an IDX file (it begins {data[:4].hex(' ')}): replace it")
    if data[2] != _UNSIGNED_BYTE:
        raise DataError(
            f"{name} must hold unsigned bytes (IDX type 0x08), not type 0x{data[2]:02x}: replace it"
        )
    dimensions = data[3]
    header = 4 + 4 * dimensions
    if len(data) < header:
        raise DataError(f"{name} is cut off in its header ({len(data)} bytes): fetch it again")
    shape = struct.unpack(f">{dimensions}I", data[4:header])
    expected = header + math.prod(shape)
    if len(data) != expected:
        what = "cut off" if len(data) < expected else "too long"
        raise DataError(
            f"{name} is {what}: its sizes {'x'.join(map(str, shape))} need {expected} bytes "
            f"and it has {len(data)}: fetch it again"
        )
    return np.frombuffer(data, dtype=np.uint8, offset=header).reshape(shape)


def read(path: Path) -> Bytes:
    """Read the array in an IDX file, which is compressed if its name ends in .gz.

    Raises:
        DataError: the file cannot be read, is not gzip, is cut off, or is not IDX.
    """
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} is not a whole gzip file ({error}): delete it, and it is fetched again"
        ) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    return parse(data, str(path))
