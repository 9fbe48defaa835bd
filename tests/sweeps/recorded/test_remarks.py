"""Remarks are read from the attributes of a study, whatever else is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.recorded.remarks import Remark, remarks_of, write
from sweeps.study.open import open_study
from sweeps.study.reader import read
from sweeps.study.url import Journal
from tests.sweeps.transfer.test_previous_sweeps import LR, composed, run
from trainers.errors import ConfigError


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


@pytest.mark.parametrize(
    "kept",
    [
        None,
        "text",
        [],
        {},
        {"text": "x"},
        {"text": "x", "by": "y", "at": "noon"},
        {"text": "x", "by": "y", "at": "nan"},
        {"text": "x", "by": "y", "at": 1e300},
    ],
)
def test_what_another_program_has_put_there_is_no_remark(kept: object) -> None:
    good = {"text": "x", "by": "y", "at": 1}
    assert remarks_of({"remark:0001:a": kept, "remark:": good}) == (Remark("", "x", "y", 1.0),)


def test_equal_remarks_are_all_kept(tmp_path: Path) -> None:
    run(tmp_path, "a", LR, trials=1).close()
    log = tmp_path / "a" / "study.log"
    remark = Remark("0000", "same", "me", 1.0)
    for _ in range(3):
        write(log, "whatever the folder is called", remark)
    assert remarks_of(read(log, "a", dict).attributes) == (remark,) * 3


def test_of_a_shared_journal_the_study_is_named(tmp_path: Path) -> None:
    group = tmp_path / "group.log"
    for name in ("a", "b"):
        run_shared(tmp_path, group, name)
    remark = Remark("0000", "of b", "me", 1.0)
    write(Journal(group), "b", remark)
    assert remarks_of(read(Journal(group), "a", dict).attributes) == ()
    assert remarks_of(read(Journal(group), "b", dict).attributes) == (remark,)
    with pytest.raises(ConfigError, match="has no study c yet"):
        write(Journal(group), "c", remark)


def run_shared(where: Path, group: Path, name: str) -> None:
    """A study without trials in a shared journal."""
    with composed(where, f"name={name}", LR) as sweep:
        open_study(Journal(group), sweep.objective, sweep.space, name, create=True).close()
