from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from trainers.data.dataset import Bytes
from trainers.data.idx import parse, read
from trainers.errors import DataError


def idx(array: Bytes, kind: int = 8) -> bytes:
    return (
        struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape) + array.tobytes()
    )


some_array = arrays.arrays(np.uint8, arrays.array_shapes(min_dims=1, max_dims=4, max_side=6))


@given(some_array)
def test_what_is_written_is_read(array: Bytes) -> None:
    found = parse(idx(array), "x")
    assert found.dtype == np.uint8
    assert np.array_equal(found, array)


@given(some_array, st.data())
def test_too_short_or_too_long_is_refused(array: Bytes, data: st.DataObject) -> None:
    whole = idx(array)
    length = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(DataError, match="file-name"):
        parse(whole[:length], "file-name")
    with pytest.raises(DataError, match="too long"):
        parse(whole + data.draw(st.binary(min_size=1)), "file-name")


@given(st.binary(max_size=60))
def test_any_bytes_give_an_array_or_a_data_error(data: bytes) -> None:
    try:
        assert idx(parse(data, "x")) == data
    except DataError as error:
        assert str(error).startswith("x is") or str(error).startswith("x must")  # noqa: PT017


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not an IDX file"),
        (b"\1\0\x08\1\0\0\0\1x", "not an IDX file"),
        (b"\0\0\x08\0", "not an IDX file"),
        (b"\0\0\x0d\1\0\0\0\1xxxx", "type 0x0d"),
        (b"\0\0\x08\2\0\0\0\1", "cut off in its header"),
        (b"\0\0\x08\1\xff\xff\xff\xffx", "cut off"),
    ],
)
def test_refuses(data: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        parse(data, "file-name")


def test_reads_with_and_without_compression(tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    (tmp_path / "plain").write_bytes(idx(array))
    (tmp_path / "packed.gz").write_bytes(gzip.compress(idx(array)))
    assert np.array_equal(read(tmp_path / "plain"), array)
    assert np.array_equal(read(tmp_path / "packed.gz"), array)


def test_damaged_gzip_names_the_file_and_the_remedy(tmp_path: Path) -> None:
    packed = gzip.compress(idx(np.arange(100, dtype=np.uint8)))
    path = tmp_path / "packed.gz"
    flipped = bytearray(packed)
    flipped[-6] ^= 1  # in the checksum
    for content in (packed[:-9], packed[:20], b"plain text", bytes(flipped)):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"packed\.gz is not a whole gzip file.*delete it"):
            read(path)


def test_an_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path / "absent")
