"""What is lacking is what the server has not, and no more."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from sweeps.tracking import SweepResults
from sweeps.tracking.sync.arrived import Arrived
from sweeps.tracking.sync.due_runs import DueRuns
from sweeps.tracking.sync.lacking import SUMMARY, Lacking, balance, digest, lacking
from tests.sweeps.tracking.tracked import CONFIG, IMPORTANCES, TRIALS, trained


@pytest.fixture
def due(folder: Path) -> DueRuns:
    runs = DueRuns("s", "uid", folder)
    runs.trial_started("0000", CONFIG, 0)
    for epoch in (1, 2):
        checkpoint, metrics = trained("0000", folder, epoch)
        runs.epoch("0000", epoch, metrics, checkpoint, epoch == 1)
    runs.trial_ended("0000", "complete", "", {"best_epoch": 1, "best_value": 0.51})
    figures = {"best": {"trial": "0000", "value": math.nan}, "n": None}
    runs.sweep_ended(SweepResults(figures, {"trials": TRIALS, "importances": IMPORTANCES}))
    return runs


def whole(due: DueRuns) -> dict[str, Arrived]:
    """What a server has that has all."""
    checkpoints = due.runs["0000"].checkpoints("all")
    table = {"nrows": 2, "ncols": 3}
    return {
        "0000": Arrived(
            rows={1: 1, 2: 1},
            unread=False,
            finished=True,
            summary={"state": "complete", "reason": "", "best_epoch": 1, "best_value": 0.51},
            versions={digest(one.folder): frozenset(one.aliases) for one in checkpoints},
            others=frozenset(),
            notes="",
        ),
        SUMMARY: Arrived(
            rows={},
            unread=True,
            finished=True,
            summary={
                "best": {"trial": "0000", "value": "NaN", "more": 1},
                "tables/trials": table,
                "tables/importances": {"nrows": 2, "ncols": 2},
            },
            versions={},
            notes="",
            others=frozenset({"run-x-tablestrials-ab", "run-x-tablesimportances-cd"}),
        ),
    }


def test_nothing_is_lacking_where_all_is_there(due: DueRuns) -> None:
    assert lacking(due, whole(due), "all") == {}
    found = balance(due, whole(due), "all")
    assert found.whole
    assert found.kinds == {
        "runs": (1, 1), "epochs": (2, 2), "checkpoints": (2, 2), "ends": (1, 1), "summary": (1, 1)
    }  # fmt: skip
    assert (found.unread, found.twice, found.gone) == (0, 0, 0)


def test_a_server_that_knows_no_run_lacks_all(due: DueRuns) -> None:
    found = lacking(due, {}, "all")
    assert found.keys() == {"0000", SUMMARY}
    assert found["0000"].epochs == (1, 2)
    assert len(found["0000"].checkpoints) == 2
    assert not any(there for there, _ in balance(due, {}, "all").kinds.values())


@pytest.mark.parametrize(
    ("change", "epochs", "checkpoints"),
    [
        ({"rows": {1: 1}}, (2,), 0),
        ({"rows": {1: 1}, "unread": True}, None, 0),  # the other may be there
        ({"versions": {}}, (), 2),
        ({"finished": False}, (), 0),
        ({"summary": {"state": "stopped"}}, (), 0),
    ],
)
def test_what_is_not_there_is_lacking(
    due: DueRuns,
    change: Mapping[str, object],
    epochs: tuple[int, ...] | None,
    checkpoints: int,
) -> None:
    has = whole(due)
    has["0000"] = replace(has["0000"], **change)  # type: ignore[arg-type]
    found = lacking(due, has, "all")
    if epochs is None:
        assert found == {}
    else:
        assert (found["0000"].epochs, len(found["0000"].checkpoints)) == (epochs, checkpoints)
    assert not balance(due, has, "all").whole


def test_a_version_that_lacks_an_alias_is_lacking(due: DueRuns) -> None:
    has = whole(due)
    without = {key: aliases - {"best"} for key, aliases in has["0000"].versions.items()}
    has["0000"] = replace(has["0000"], versions=without)
    (one,) = lacking(due, has, "all")["0000"].checkpoints
    assert one.metadata["epoch"] == 1


@pytest.mark.parametrize("change", [{"others": frozenset()}, {"finished": False}, {"summary": {}}])
def test_a_summary_without_its_tables_or_figures_is_lacking(
    due: DueRuns, change: Mapping[str, object]
) -> None:
    has = whole(due)
    has[SUMMARY] = replace(has[SUMMARY], **change)  # type: ignore[arg-type]
    assert lacking(due, has, "all") == {SUMMARY: Lacking()}


def test_rows_that_are_there_twice_are_counted(due: DueRuns) -> None:
    has = whole(due)
    has["0000"] = replace(has["0000"], rows={1: 2, 2: 3})
    assert balance(due, has, "all").twice == 3
    assert lacking(due, has, "all") == {}
