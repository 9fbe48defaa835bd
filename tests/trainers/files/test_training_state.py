from __future__ import annotations

import io
import zlib

import pytest
import torch

from trainers.files.training_state import detached, write


def test_detached_shares_nothing() -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    copy = detached({"a": [weight, (1, 2.5, "x", None, True)]})
    with torch.no_grad():
        weight.zero_()
    assert copy["a"][0].tolist() == [1, 1, 1]
    assert not copy["a"][0].requires_grad
    assert copy["a"][1] == (1, 2.5, "x", None, True)


@pytest.mark.parametrize("value", [object(), {1, 2}, len, b"bytes"])
def test_detached_refuses_what_could_not_be_read_back(value: object) -> None:
    with pytest.raises(TypeError, match=r"state\['schedule'\]\[0\] is a"):
        detached({"schedule": [value]})


def test_write_counts_and_checks_what_it_writes() -> None:
    weight = torch.arange(1000.0)
    state = {"weight": weight, "epoch": 3}
    file = io.BytesIO()
    written = write(state, file)
    assert written.bytes == len(file.getvalue())
    assert written.crc32 == zlib.crc32(file.getvalue())
    nowhere = write(state, None)
    assert nowhere.bytes == written.bytes
    file.seek(0)
    assert torch.equal(torch.load(file, weights_only=True)["weight"], weight)
