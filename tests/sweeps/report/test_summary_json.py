"""The summary counts the trials, and the best one is kept at no cost."""

from __future__ import annotations

import json

import pytest

from sweeps.report import summary_json
from sweeps.results_folder import Folder
from sweeps.trials import Ranked, State, TrialRecord, ranking
from tests.sweeps.report.records import ACCURACY, TRIALS


class TestSummary:
    def test_counts_and_names_the_best(self, folder: Folder) -> None:
        best = ranking(TRIALS, ACCURACY)[0]
        told = summary_json.summary(
            "s", TRIALS, best, "c/0", {"test_accuracy": 0.7}, 12.34567, 0.25
        )
        summary_json.write_summary(folder, told)
        assert json.loads((folder.path / "summary.json").read_text()) == {
            "version": 1,
            "sweep": "s",
            "trials": 4,
            "completed": 1,
            "stopped": 1,
            "failed": 1,
            "infeasible": 0,
            "running": 1,
            "best": {
                "trial": "0000",
                "value": 0.75,
                "epoch": 1,
                "params": TRIALS[0].params,
                "checkpoint": "c/0",
                "test_accuracy": 0.7,
            },
            "wall_s": 12.346,
            "train_s": 3.235,
            "overhead": 0.25,
        }

    def test_counts_every_bad_end_as_failed(self) -> None:
        trials = [TrialRecord(f"{i:04d}", i, state) for i, state in enumerate(State)]
        told = summary_json.summary("s", trials, None, "", {}, 1.0, None)
        kinds = ("completed", "stopped", "failed", "infeasible", "running")
        counts = tuple(told[kind] for kind in kinds)
        assert counts == (1, 1, 3, 1, 1)
        assert sum(counts) == told["trials"] + told["infeasible"]
        assert told["best"] is None
        assert told["overhead"] is None


class TestBest:
    def trial(self, folder: Folder, name: str, epoch: int, content: bytes) -> Ranked:
        checkpoint = folder.checkpoint(name, epoch)
        checkpoint.mkdir(parents=True)
        (checkpoint / "state.pt").write_bytes(content)
        (folder.trials / name / "config.yaml").write_text(f"name: {name}\n")
        return Ranked(TrialRecord(name, int(name), State.COMPLETE), epoch, 0.5)

    def test_costs_no_disk(self, folder: Folder) -> None:
        best = self.trial(folder, "0003", 2, b"weights")
        checkpoint = summary_json.write_best(folder, best)
        assert checkpoint == folder.path / "best" / "epoch_002"
        assert (checkpoint / "state.pt").samefile(folder.checkpoint("0003", 2) / "state.pt")
        assert (folder.path / "best" / "config.yaml").read_text() == "name: 0003\n"

    def test_gives_way_to_a_better_one_whole(self, folder: Folder) -> None:
        summary_json.write_best(folder, self.trial(folder, "0000", 5, b"old"))
        summary_json.write_best(folder, self.trial(folder, "0001", 2, b"new"))
        found = sorted(str(p.relative_to(folder.path)) for p in (folder.path / "best").rglob("*"))
        assert found == ["best/config.yaml", "best/epoch_002", "best/epoch_002/state.pt"]
        assert (folder.path / "best" / "epoch_002" / "state.pt").read_bytes() == b"new"
        assert (folder.checkpoint("0000", 5) / "state.pt").read_bytes() == b"old"
        assert sorted(p.name for p in folder.path.iterdir()) == ["best", "trials"]

    def test_is_a_copy_where_there_are_no_links(
        self, folder: Folder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise OSError("not on this file system")

        monkeypatch.setattr("os.link", refuse)
        checkpoint = summary_json.write_best(folder, self.trial(folder, "0003", 2, b"weights"))
        assert (checkpoint / "state.pt").read_bytes() == b"weights"
        assert not (checkpoint / "state.pt").samefile(folder.checkpoint("0003", 2) / "state.pt")
