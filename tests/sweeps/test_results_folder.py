"""What a sweep leaves behind, as files."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from sweeps import results_folder
from sweeps.report import csv_files, summary_json
from sweeps.report.importance import Importance
from sweeps.results_folder import Folder
from sweeps.trials import Objective, Ranked, State, TrialRecord, ranking
from trainers.errors import ConfigError

ACCURACY = Objective("val_accuracy", maximize=True)
KEYS = ("optimizer", "optimizer.lr", "model.hidden", "flag")
TRIALS = [
    TrialRecord(
        "0000",
        0,
        State.COMPLETE,
        params={"optimizer": "sgd", "optimizer.lr": 0.1, "model.hidden": [8, 16], "flag": True},
        epochs={
            1: {"val_accuracy": 0.75, "train_loss": 0.1 + 0.2},
            2: {"val_accuracy": 0.5, "train_loss": 0.25},
        },
        member="me",
        machine="atlas",
        seconds=1.23456,
    ),
    TrialRecord(
        "0001",
        1,
        State.STOPPED,
        'asha: not in the best, "really"\nnot',
        params={"optimizer": "adamw", "optimizer.lr": None},
        epochs={1: {"val_accuracy": 0.25, "train_loss": 1.0, "late": 3}},
        seconds=2.0,
    ),
    TrialRecord("0002", 2, State.DIVERGED, "a loss of nan", params={"optimizer": "sgd"}),
    TrialRecord("0003", 3, State.RUNNING),
]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return results_folder.create(tmp_path, "s")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


class TestFolder:
    def test_is_made_with_its_parents(self, tmp_path: Path) -> None:
        folder = results_folder.create(tmp_path / "a" / "b", "s 1.2")
        assert folder.path == tmp_path / "a" / "b" / "s 1.2"
        assert folder.trials.is_dir()
        assert folder.sweep == folder.path / "sweep.yaml"
        assert folder.study == folder.path / "study.log"
        assert folder.checkpoint("0007", 3) == folder.path / "trials" / "0007" / "epoch_003"

    def test_is_never_overwritten(self, folder: Folder) -> None:
        (folder.path / "kept").write_text("mine")
        with pytest.raises(ConfigError, match="exists and is never overwritten") as refusal:
            results_folder.create(folder.path.parent, "s")
        message = str(refusal.value)
        assert "make resume SWEEP=s" in message
        assert 'ARGS="name=s-2"' in message
        assert len(message.splitlines()) <= 2
        assert (folder.path / "kept").read_text() == "mine"

    @pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/tmp/x", " a", "a ", "a\n"])
    def test_of_a_name_that_is_none(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(ConfigError, match="must be a plain folder name") as refusal:
            results_folder.create(tmp_path / "r", name)
        assert repr(name) in str(refusal.value)
        assert list(tmp_path.iterdir()) == []

    def test_where_a_file_is(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("x")
        with pytest.raises(ConfigError, match=r"file is a file: name a folder"):
            results_folder.create(tmp_path / "file", "s")
        with pytest.raises(ConfigError, match=r"cannot be written .*: name another folder"):
            results_folder.create(tmp_path / "file" / "below", "s")

    def test_where_nothing_can_be_written(self) -> None:
        with pytest.raises(ConfigError, match=r"results=/proc/none cannot be written"):
            results_folder.create(Path("/proc/none"), "s")

    def test_of_a_name_that_is_too_long(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="too long"):
            results_folder.create(tmp_path, "x" * 300)

    def test_is_found_by_name(self, folder: Folder) -> None:
        where = folder.path.parent
        with pytest.raises(ConfigError, match=r"SWEEP=s: no such sweep .*\(there are none\)"):
            results_folder.find(where, "s")
        results_folder.write_sweep(folder, {}, [], "")
        assert results_folder.find(where, "s") == folder
        with pytest.raises(ConfigError, match=r"SWEEP=t: no such sweep .*\(there are: s\)"):
            results_folder.find(where, "t")


class TestSweepFile:
    def test_is_read_as_it_was_written(self, folder: Folder) -> None:
        config = {"name": "s", "optimizer": {"lr": 1e-05, "betas": [0.9, 0.999]}, "none": None}
        results_folder.write_sweep(folder, config, ["optimizer.lr=0.1,0.2", "name=s"], "abc123")
        read = results_folder.read_sweep(folder)
        assert read["config"] == config
        assert read["overrides"] == ["optimizer.lr=0.1,0.2", "name=s"]
        assert read["data"] == "abc123"
        assert read["version"] == results_folder.VERSION
        assert {"torch", "ray", "optuna", "wandb"} <= set(read["versions"])
        assert set(read["git"]) == {"sha", "diff"}

    def test_outside_of_a_repository(
        self, folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(results_folder, "ROOT", tmp_path)
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
        results_folder.write_sweep(folder, {}, [], "")
        assert results_folder.read_sweep(folder)["git"] == {"sha": "", "diff": ""}
        monkeypatch.setenv("PATH", "")
        results_folder.write_sweep(folder, {}, [], "")
        assert results_folder.read_sweep(folder)["git"] == {"sha": "", "diff": ""}

    def test_of_a_later_version_is_refused(self, folder: Folder) -> None:
        folder.sweep.write_text(f"version: {results_folder.VERSION + 1}\nconfig: {{}}\n")
        with pytest.raises(ConfigError, match=r"written by a newer Caviar \(layout 2.*update"):
            results_folder.read_sweep(folder)


class TestTrialsFile:
    def test_columns(self, folder: Folder) -> None:
        csv_files.write_trials(folder, TRIALS, KEYS, ACCURACY)
        header = (folder.path / "trials.csv").read_text().splitlines()[0].split(",")
        assert header == [
            "id", "state", "reason", "epochs",
            "optimizer", "optimizer.lr", "model.hidden", "flag",
            "best_epoch", "val_accuracy", "train_loss", "late",
            "seconds", "member", "machine",
        ]  # fmt: skip

    def test_cells(self, folder: Folder) -> None:
        csv_files.write_trials(folder, TRIALS, KEYS, ACCURACY)
        table = rows(folder.path / "trials.csv")
        assert [row["id"] for row in table] == ["0000", "0001", "0002", "0003"]
        assert [row["state"] for row in table] == ["complete", "stopped", "diverged", "running"]
        complete, stopped, diverged, running = table
        # Metrics are those of the best epoch, exact to the last digit.
        assert (complete["best_epoch"], complete["epochs"]) == ("1", "2")
        assert float(complete["val_accuracy"]) == 0.75
        assert float(complete["train_loss"]) == 0.1 + 0.2
        assert complete["late"] == ""
        assert complete["optimizer"] == "sgd"
        assert complete["optimizer.lr"] == "0.1"
        assert json.loads(complete["model.hidden"]) == [8, 16]
        assert (complete["seconds"], complete["member"], complete["machine"]) == (
            "1.235", "me", "atlas"
        )  # fmt: skip
        # A null is not an absent value.
        assert (stopped["optimizer.lr"], stopped["model.hidden"]) == ("null", "")
        assert stopped["reason"] == TRIALS[1].reason
        assert (diverged["best_epoch"], diverged["val_accuracy"]) == ("", "")
        assert running["epochs"] == "0"

    def test_a_boolean_is_written_as_in_yaml(self, folder: Folder) -> None:
        csv_files.write_trials(folder, TRIALS, KEYS, ACCURACY)
        assert rows(folder.path / "trials.csv")[0]["flag"] == "true"

    def test_of_no_trials(self, folder: Folder) -> None:
        csv_files.write_trials(folder, [], KEYS, ACCURACY)
        assert len((folder.path / "trials.csv").read_text().splitlines()) == 1


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
        assert sum(counts) == told["trials"]
        assert told["best"] is None
        assert told["overhead"] is None


def test_importances_have_a_column_for_each_evaluator(folder: Folder) -> None:
    found = [Importance("lr", {"ped_anova": 0.75, "fanova": 0.5}), Importance("m", {"fanova": 0.1})]
    csv_files.write_importances(folder, found)
    assert (folder.path / "importances.csv").read_text().splitlines() == [
        "parameter,ped_anova,fanova",
        "lr,0.75,0.5",
        "m,,0.1",
    ]


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


class TestAtomicity:
    def test_a_file_is_as_it_was_until_it_is_replaced(
        self, folder: Folder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        summary_json.write_summary(folder, {"old": 1})
        seen: list[str] = []
        replace = Path.replace

        def killed(self: Path, target: Path) -> Path:
            seen.append((folder.path / "summary.json").read_text())
            assert json.loads(self.read_text()) == {"new": 2}
            if len(seen) == 1:
                raise KeyboardInterrupt
            return replace(self, target)

        monkeypatch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            summary_json.write_summary(folder, {"new": 2})
        assert json.loads(seen[0]) == {"old": 1}
        assert json.loads((folder.path / "summary.json").read_text()) == {"old": 1}
        summary_json.write_summary(folder, {"new": 2})
        assert json.loads((folder.path / "summary.json").read_text()) == {"new": 2}
        assert sorted(p.name for p in folder.path.iterdir()) == ["summary.json", "trials"]

    @pytest.mark.parametrize(
        "name", ["trials.csv", "summary.json", "importances.csv", "sweep.yaml"]
    )
    def test_of_every_file(
        self, folder: Folder, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def die(self: Path, target: Path) -> Path:
            raise KeyboardInterrupt

        target = folder.path / name
        target.write_text("as it was")
        monkeypatch.setattr(Path, "replace", die)
        with pytest.raises(KeyboardInterrupt):
            {
                "trials.csv": lambda: csv_files.write_trials(folder, TRIALS, KEYS, ACCURACY),
                "summary.json": lambda: summary_json.write_summary(folder, {}),
                "importances.csv": lambda: csv_files.write_importances(folder, []),
                "sweep.yaml": lambda: results_folder.write_sweep(folder, {}, [], ""),
            }[name]()
        assert target.read_text() == "as it was"


def test_no_metric_is_no_number() -> None:
    """A metric that is not a number is written as such, not as an empty cell."""
    trial = TrialRecord(
        "0000", 0, State.COMPLETE, epochs={1: {"val_accuracy": 0.5, "train_loss": math.inf}}
    )
    columns, (row,) = csv_files.trials_table([trial], (), ACCURACY)
    assert row[columns.index("train_loss")] == "inf"


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text(st.characters(codec="utf-8", exclude_characters="$\\"), max_size=6)
        | st.sampled_from(["1e-3", "1_0e2", "1:30", ".5", "on", "null", "2020-01-01", "=", "a: b"]),
        lambda below: (
            st.lists(below, max_size=3)
            | st.dictionaries(st.sampled_from(["a", "b.c", "1e3", "no"]), below, max_size=3)
        ),
        max_leaves=5,
    ).map(lambda value: {"value": value})
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_configuration_is_read_as_it_was(tmp_path: Path, config: dict[str, Any]) -> None:
    results_folder.write_config(tmp_path / "config.yaml", config)
    assert OmegaConf.to_container(OmegaConf.load(tmp_path / "config.yaml")) == config


def test_a_configuration_is_replaced_whole(tmp_path: Path) -> None:
    """A kill while a trial is resumed leaves the configuration that it had."""
    path = tmp_path / "config.yaml"
    results_folder.write_config(path, {"epochs": 1})
    with path.open() as opened:
        results_folder.write_config(path, {"epochs": 2})
        assert opened.read() == "epochs: 1\n"
    assert path.read_text() == "epochs: 2\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_search_that_has_moved_is_read_under_its_present_name(folder: Folder) -> None:
    """A sweep that was begun before resumes: its record is compared with conf/ as it is now."""
    recorded = {"_target_": "sweeps.ablation.Ablation", "pairs": False}
    results_folder.write_sweep(folder, {"search": recorded}, [], "data")
    assert results_folder.read_sweep(folder)["config"]["search"] == {
        "_target_": "sweeps.search.Ablation",
        "pairs": False,
    }
