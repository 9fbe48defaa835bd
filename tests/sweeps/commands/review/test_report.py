"""`make report` says where the page is, and refuses in a line what it cannot do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sweeps.commands.review.report import main
from tests.sweeps.transfer.test_previous_sweeps import LR, run


def test_the_page_of_one_and_of_several(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        run(tmp_path, name, LR, trials=3).close()
    for words, place in (
        (["a"], "a/report.html"),
        (["a b"], "report-a-b.html"),
        (["a", "b", f"out={tmp_path}/x.html"], "x.html"),
    ):
        monkeypatch.setattr(sys, "argv", ["report", *words, f"results={tmp_path}"])
        main()
        output = capsys.readouterr().out
        path = tmp_path / place
        assert output.startswith(f"{path}  {path.stat().st_size / 1024:.0f} kB\n")
        assert path.as_uri() in output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "name a sweep: make report SWEEP=quickstart"),
        (["none"], "SWEEP=none: no such sweep"),
        (["a", "rows=3"], "rows=3: it is true or false"),
        (["a", "outt=x"], "did you mean out"),
        (["a", "out=/proc/x/y.html"], "name another place, out=…"),
        (["empty"], "let the sweep run first"),
    ],
)
def test_refuses_in_a_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    told: str,
) -> None:
    run(tmp_path, "a", LR, trials=1).close()
    run(tmp_path, "empty", LR, trials=1).close()
    (tmp_path / "empty" / "study.log").unlink()
    monkeypatch.setattr(sys, "argv", ["report", *words, f"results={tmp_path}"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
