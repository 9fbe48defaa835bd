"""A CSV file that cannot be meant so is refused with the line that shows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trainers.data.csv_file import Wanted, columns, count_rows, fill
from trainers.errors import DataError

WANTED = Wanted(("y",), True, (), (), False, ",")
NUMBERS = Wanted(("y",), False, (), (), False, ",")


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_reads_what_spreadsheets_write(tmp_path: Path) -> None:
    text = '\ufeffa,"b, c",y\r\n 1 ,"x, ""z""",2\r\n\r\n3e2,w,10\r\n1,w,2\r\n5,w,10\r\n'
    path = write(tmp_path, text)
    found, classes, rows = columns(path, WANTED)
    assert [(c.name, c.texts) for c in found] == [("a", ()), ("b, c", ("w", 'x, "z"'))]
    assert classes == ("2", "10"), "numbers that are classes are in the order of numbers"
    assert rows == count_rows(path, WANTED) == 4
    x, y = np.zeros((4, 3), dtype=np.float32), np.zeros(4, dtype=np.int64)
    fill(path, WANTED, found, classes, x, y)
    assert x.tolist() == [[1, 0, 1], [300, 1, 0], [1, 1, 0], [5, 1, 0]]
    assert y.tolist() == [0, 1, 0, 1]


def test_numbers_may_be_names(tmp_path: Path) -> None:
    path = write(tmp_path, "zip,y\n10,a\n20,b\n10,a\n20,b\n")
    wanted = Wanted(("y",), True, (), ("zip",), False, ",")
    (column,), _, _ = columns(path, wanted)
    assert column.texts == ("10", "20")


def test_many_rows_are_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainers.data.csv_file._ROWS", 3)
    rows = "".join(f"{n},{n % 2}\n" for n in range(10))
    found, classes, count = columns(write(tmp_path, "a,y\n" + rows), WANTED)
    assert (len(found), classes, count) == (1, ("0", "1"), 10)
    with pytest.raises(DataError, match=r"line 9: a is 'seven', and on line 2 the number 0"):
        columns(write(tmp_path, "a,y\n" + rows.replace("7,", "seven,")), WANTED)


@pytest.mark.parametrize(
    ("text", "wanted", "told"),
    [
        ("", WANTED, "is empty"),
        ("a,y\n", WANTED, "no rows below its header"),
        ("1,2\n3,4\n", WANTED, "begins with numbers"),
        ("a,a,y\n1,2,3\n", WANTED, "two columns are called 'a'"),
        ("a,,y\n1,2,3\n", WANTED, "column 2 has no name"),
        ("a;y\n1;2\n", WANTED, 'data.delimiter=";"'),
        ("a,z\n1,2\n", WANTED, "no column 'y'"),
        ("a,y\n1,2\n1,2,3\n", WANTED, "line 3: 3 cells, and the header names 2"),
        ("a,y\n1,u\nx,v\n", WANTED, r"line 3: a is 'x', and on line 2 the number 1"),
        ("a,y\n1,u\n,v\n", WANTED, "line 3: a is missing"),
        ("a,y\n1,u\n1,NA\n", WANTED, "line 3: y is missing .*leave the row out"),
        ("a,y\n1,u\ninf,v\n", WANTED, "line 3: a is inf, which is no finite number"),
        ("a,y\n1,2\n1,three\n", NUMBERS, "line 3: y is 'three', and task=regression"),
        ("a,y\n" + "".join(f"{n},{n}\n" for n in range(9)), WANTED, "9 different values"),
        ("a,y\n" + "".join(f"n{n},{n % 2}\n" for n in range(102)), WANTED, r"data\.ignore=\[a\]"),
        (b"a,y\n\xff\xfe,1\n", WANTED, "not in UTF-8"),
        ("y\nu\nv\nu\nv\n", WANTED, "no column but the target"),
    ],
)
def test_is_refused_in_a_line(text: str | bytes, wanted: Wanted, told: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=told) as refused:
        columns(write(tmp_path, text), wanted)
    assert "\n" not in str(refused.value)


def test_a_class_that_training_lacks_is_refused(tmp_path: Path) -> None:
    found, classes, _ = columns(write(tmp_path, "a,y\n1,rose\n2,lily\n1,rose\n2,lily\n"), WANTED)
    path = write(tmp_path, "a,y\n1,rosa\n")
    x, y = np.zeros((1, 1), dtype=np.float32), np.zeros(1, dtype=np.int64)
    with pytest.raises(DataError, match=r"line 2: y is 'rosa', .* did you mean 'rose'"):
        fill(path, WANTED, found, classes, x, y)
