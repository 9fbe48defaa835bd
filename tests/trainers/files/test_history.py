from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainers.config import Mode, TaskConfig
from trainers.files import history

ROWS = {1: {"loss": 0.1 + 0.2, "lr": 1e-300}, 2: {"loss": float("inf"), "lr": 3.0}}

rows_of_any_floats = st.dictionaries(
    st.integers(1, 999),
    st.fixed_dictionaries({"loss": st.floats(allow_nan=False), "lr": st.floats(allow_nan=False)}),
)


def bits(rows: history.Rows) -> dict[int, dict[str, str]]:
    return {n: {name: value.hex() for name, value in row.items()} for n, row in rows.items()}


@settings(deadline=None)
@given(rows=rows_of_any_floats)
def test_numbers_read_back_as_the_same_bits(rows: dict[int, dict[str, float]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "metrics.csv"
        history.write(path, rows)
        assert bits(history.read(path)) == bits(rows)  # -0.0 is not 0.0


def test_appending_gives_the_same_file_as_writing(tmp_path: Path) -> None:
    for number, row in ROWS.items():
        history.append(tmp_path / "a.csv", number, row, durable=True)
    history.write(tmp_path / "b.csv", ROWS)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert (tmp_path / "a.csv").read_text().splitlines()[0] == "epoch,loss,lr"


def test_a_file_cut_anywhere_reads_as_its_whole_rows(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    history.write(path, ROWS)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        rows = history.read(path)
        assert rows == {number: ROWS[number] for number in rows}
        assert len(rows) == max(0, whole[:length].count(b"\n") - 1)


def test_damaged_and_repeated_rows_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,loss\n1,0.5\n2,0.\x0045\n3\n,1\n1,0.7\n4,0.25\n")
    assert history.read(path) == {1: {"loss": 0.5}, 4: {"loss": 0.25}}


def test_no_file_and_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    assert history.read(path) == {}
    history.write(path, {})
    assert history.read(path) == {}
    history.append(path, 1, ROWS[1], durable=True)
    assert history.read(path) == {1: ROWS[1]}


TASK = TaskConfig("any", "val_accuracy", Mode.max)


@pytest.mark.parametrize(
    ("values", "patience", "over"),
    [
        ([0.1, 0.2, 0.3], 1, False),
        ([0.3, 0.2], 1, True),
        ([0.3, 0.2], 2, False),
        ([0.3, 0.3, 0.3], 2, True),  # as good is not better
        ([0.3, 0.2, 0.4, 0.1], 2, False),
        ([0.3] * 9, None, False),
        ([], 1, False),
    ],
)
def test_patience(values: list[float], patience: int | None, over: bool) -> None:
    for mode, sign in ((Mode.max, 1), (Mode.min, -1)):
        rows = {n: {"val_accuracy": sign * v} for n, v in enumerate(values, 1)}
        reason = history.stalled(rows, replace(TASK, mode=mode), patience)
        assert bool(reason) is over
        if over:
            assert reason == (
                f"no better val_accuracy in {patience} epochs than at epoch 1 (patience)"
            )


def test_a_whole_number_stays_one(tmp_path: Path) -> None:
    rows = {1: {"parameters": 59082, "val_loss": 2.0, "change": -3}}
    history.write(tmp_path / "metrics.csv", rows)
    history.append(tmp_path / "metrics.csv", 2, rows[1], durable=True)
    read = history.read(tmp_path / "metrics.csv")
    assert repr(read) == repr({1: rows[1], 2: rows[1]})


@pytest.mark.parametrize("garbage", [b"\xff\xfe\x00\n", b"2,\x00,1\n", b'2,"1\n', b"\xff,1,1\n"])
def test_what_is_no_text_costs_no_other_row(tmp_path: Path, garbage: bytes) -> None:
    path = tmp_path / "metrics.csv"
    path.write_bytes(b"epoch,a,b\n1,0.5,1\n" + garbage)
    assert history.read(path) == {1: {"a": 0.5, "b": 1}}
    path.write_bytes(garbage)
    assert history.read(path) == {}
