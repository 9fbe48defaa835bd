"""The trials of a sweep by one swept key, side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sweeps.commands import diagnose
from sweeps.report import comparison
from sweeps.results_folder import Folder
from tests.sweeps.conftest import Ran
from trainers.diagnosis.comparison import Alike
from trainers.errors import ConfigError

pytestmark = pytest.mark.drawn


@pytest.fixture(scope="module")
def swept(
    tmp_path_factory: pytest.TempPathFactory, sweep_anywhere_without_ray: Callable[..., Ran]
) -> Folder:
    """Norm before or after the activation, or none; three rates."""
    words = ["norm=none,batch", "norm.position=before,after"]
    words += ["optimizer.lr=0.03,0.01,0.02", "search=brute", "stop=none", "budget.trials=null"]
    words += ["epochs=2", "histograms=true", "batch_size=64", "data=circles", "data.fraction=1.0"]
    return sweep_anywhere_without_ray(tmp_path_factory.mktemp("r"), *words).folder


def drawn(
    monkeypatch: pytest.MonkeyPatch, folder: Folder, key: str
) -> tuple[list[Alike], tuple[str, ...]]:
    seen: list[Alike] = []

    def keep(setting: str, columns: list[Alike], path: Path) -> Path:
        seen.extend(columns)
        return path

    monkeypatch.setattr("trainers.diagnosis.comparison.comparison", keep)
    return seen, comparison.compare(folder, key).lines


def test_a_column_for_each_value(swept: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    columns, lines = drawn(monkeypatch, swept, "norm.position")
    assert {column.value for column in columns} == {"before", "after"}
    assert [len(column.curves) for column in columns] == [3, 3]
    assert lines[-1] == "3 trials do not have norm.position and are left out"
    for column, line in zip(columns, lines, strict=False):
        assert line.startswith(f"norm.position={column.value}")
        assert f"({column.best})" in line
        assert [*column.histograms] == [1, 2]
        assert len(column.matrices) == 2
        assert all(f"gradients/{name}" in column.histograms[1] for name in column.matrices)


def test_numbers_come_by_size(swept: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    columns, lines = drawn(monkeypatch, swept, "optimizer.lr")
    assert [column.value for column in columns] == ["0.01", "0.02", "0.03"]
    assert len(lines) == 3


def test_the_command(
    swept: Folder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    where = f"results={swept.path.parent}"
    monkeypatch.setattr("sys.argv", ["diagnose", swept.path.name, "compare=norm", where])
    diagnose.main()
    picture = swept.path / "diagnosis" / "compare_norm.png"
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert "compare_norm.png: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["compare=norm.positon"], "no such swept key; did you mean norm.position?"),
        (["compare="], "compare=: there is no such swept key"),
        (["compare=val_loss"], "no such swept key"),
        (["compare=seed", "hidden=tsne"], "draw different pictures"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_line(
    words: list[str],
    told: str,
    swept: Folder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    where = f"results={swept.path.parent}"
    monkeypatch.setattr("sys.argv", ["diagnose", swept.path.name, *words, where])
    with pytest.raises(SystemExit) as end:
        diagnose.main()
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_one_value_and_too_many(swept: Folder, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.sweep.write_bytes(swept.sweep.read_bytes())
    with pytest.raises(ConfigError, match=r"has no trials\.csv"):
        comparison.compare(folder, "x")
    head = "id,state,reason,epochs,x,y,best_epoch,val_accuracy\n"
    rows = [f"{n:04d},complete,,1,{n},a,1,0.5\n" for n in range(6)]
    (tmp_path / "trials.csv").write_text(head + "".join(rows))
    with pytest.raises(ConfigError, match=r"compare=x: 6 values do not fit side by side"):
        comparison.compare(folder, "x")
    with pytest.raises(ConfigError, match=r"compare=y: .* have one value, a: name another key"):
        comparison.compare(folder, "y")
    (tmp_path / "trials.csv").write_text(head)
    with pytest.raises(ConfigError, match="no trial with a score"):
        comparison.compare(folder, "x")
