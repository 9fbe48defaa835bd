"""Remarks are read from the attributes of a study, whatever else is there."""

from __future__ import annotations

from sweeps.recorded.remarks import Remark, remarks_of


def test_remarks_are_read_in_the_order_of_time() -> None:
    kept = {
        "metric": "val_loss",
        "remark:0003:b": {"text": "<b>late</b>", "by": "alpha", "at": 20.0},
        "remark:0001:a": {"text": "first", "by": "beta", "at": 10.5},
    }
    assert remarks_of(kept) == (
        Remark("0001", "first", "beta", 10.5),
        Remark("0003", "<b>late</b>", "alpha", 20.0),
    )
    assert remarks_of({"metric": "val_loss"}) == ()
