"""A lineage is one schedule, across the trials that it went through."""

from __future__ import annotations

import csv
from pathlib import Path

from sweeps.report.lineage import schedule, write
from sweeps.results_folder import Folder
from sweeps.trials import Source, State, TrialRecord, ranking
from tests.sweeps.driver.test_pbt_generations import Population


def test_the_history_is_written(tmp_path: Path) -> None:
    calm = Population(tmp_path).sit()
    folder = Folder(tmp_path)
    best = ranking(calm.study.trials, calm.study.objective)[0]
    write(folder, calm.study, calm.study.space.keys, best)
    rows = list(csv.DictReader((tmp_path / "pbt.csv").read_text().splitlines()))
    assert [row["child"] for row in rows] == ["0006", "0007", "0008", "0009"]
    assert {row["epoch"] for row in rows} == {"2", "4"}
    assert all("->" in row["changes"] for row in rows)
    told = list(csv.DictReader((tmp_path / "schedule.csv").read_text().splitlines()))
    assert (told[0]["first_epoch"], told[-1]["last_epoch"]) == ("1", "6")
    stretches = schedule(calm.study.trials, best.trial)
    assert [float(row["optimizer.lr"]) for row in told] == [
        s.params["optimizer.lr"] for s in stretches
    ]


def record(id: str, last: int, source: Source | None = None, **params: float) -> TrialRecord:
    epochs = {epoch: {"v": 0.5} for epoch in range(1, last + 1)}
    return TrialRecord(id, int(id), State.COMPLETE, params=params, epochs=epochs, source=source)


def test_a_lineage_is_a_schedule() -> None:
    trials = [
        record("0000", 8, lr=1.0),
        record("0001", 8, Source("0000", 2), lr=2.0),
        record("0002", 8, Source("0001", 4), lr=3.0),
        record("0003", 4, Source("0002", 4), lr=4.0),  # ended before an epoch of its own
        record("0004", 4, Source("0001", 2), lr=5.0),  # of what its parent had taken over
    ]

    def told(number: int) -> list[tuple[int, int, str]]:
        return [(s.first, s.last, s.trial) for s in schedule(trials, trials[number])]

    assert told(0) == [(1, 8, "0000")]
    assert told(2) == [(1, 2, "0000"), (3, 4, "0001"), (5, 8, "0002")]
    assert told(3) == [(1, 2, "0000"), (3, 4, "0001")]
    assert told(4) == [(1, 2, "0000"), (3, 4, "0004")]
