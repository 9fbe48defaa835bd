"""What a sweep leaves behind, as files."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from sweeps import results_folder
from sweeps.report import csv_files, summary_json
from sweeps.results_folder import Folder
from tests.sweeps.report.records import ACCURACY, KEYS, TRIALS
from trainers.errors import ConfigError

UNCLEAN = (" a", "a ", "a\n", "a\nb", "a\x1bb", "\udc80")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return results_folder.create(tmp_path, "s")


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

    @pytest.mark.parametrize(
        "name",
        [
            "",
            ".",
            "..",
            ".f",
            "-rf",
            "a/b",
            "/tmp/x",
            " a",
            "a ",
            "a\n",
            "a\nb",
            "a\x1bb",
            "\udc80",
            "a=b",  # the commands would take it for an option
            "~a",
        ],
    )
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
        with pytest.raises(ConfigError, match="of at most 100 bytes") as refusal:
            results_folder.create(tmp_path, "é" * 51)
        assert len(str(refusal.value)) < 200
        results_folder.create(tmp_path, "é" * 50)

    def test_is_found_by_name(self, folder: Folder) -> None:
        where = folder.path.parent
        with pytest.raises(ConfigError, match=r"SWEEP=s: no such sweep .*\(there are none\)"):
            results_folder.find(where, "s")
        results_folder.write_sweep(folder, {}, [], "")
        assert results_folder.find(where, "s") == folder
        with pytest.raises(ConfigError, match=r"SWEEP=t: no such sweep .*\(there are: s\)"):
            results_folder.find(where, "t")

    def test_is_neither_found_nor_listed_where_its_record_is_a_link_to_nothing(
        self, folder: Folder
    ) -> None:
        where = folder.path.parent
        folder.sweep.symlink_to(where / "unplugged" / "sweep.yaml")
        assert results_folder.sweep_names(where) == []
        with pytest.raises(ConfigError, match=r"SWEEP=s: no such sweep .*\(there are none\)"):
            results_folder.find(where, "s")


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

    @pytest.fixture
    def checkout(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A repository with a file that is committed."""
        path = tmp_path / "checkout"
        path.mkdir()
        for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
            monkeypatch.setenv(f"{name}_NAME", "a")
            monkeypatch.setenv(f"{name}_EMAIL", "a@b")
        (path / "file").write_text("one\n")
        for words in (["init", "-q"], ["add", "file"], ["commit", "-qm", "one"]):
            subprocess.run(["git", "-C", str(path), *words], check=True)
        monkeypatch.setattr(results_folder, "ROOT", path)
        return path

    def test_a_change_that_is_no_text_is_recorded_as_far_as_it_can_be(
        self, folder: Folder, checkout: Path
    ) -> None:
        (checkout / "file").write_bytes(b"caf\xe9\nfine\n")
        results_folder.write_sweep(folder, {}, [], "")
        diff = results_folder.read_sweep(folder)["git"]["diff"]
        assert "+caf\ufffd" in diff
        assert "+fine" in diff

    def test_has_no_secrets_of_a_change_and_is_for_its_owner_alone(
        self, folder: Folder, checkout: Path
    ) -> None:
        (checkout / "file").write_text('one\npassword = "hunter2"\nkey = AKIAABCDEFGHIJKLMNOP\n')
        results_folder.write_sweep(folder, {}, [], "")
        diff = results_folder.read_sweep(folder)["git"]["diff"]
        assert "+password = ***" in diff
        assert "hunter2" not in folder.sweep.read_text()
        assert "AKIA" not in folder.sweep.read_text()
        assert stat.S_IMODE(folder.sweep.stat().st_mode) == 0o600

    def test_the_repository_around_an_unpacked_checkout_is_not_ours(
        self, folder: Folder, checkout: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        results_folder.write_sweep(folder, {}, [], "")
        assert results_folder.read_sweep(folder)["git"]["sha"]
        (checkout / "unpacked").mkdir()
        monkeypatch.setattr(results_folder, "ROOT", checkout / "unpacked")
        results_folder.write_sweep(folder, {}, [], "")
        assert results_folder.read_sweep(folder)["git"] == {"sha": "", "diff": ""}

    def test_of_a_later_version_is_refused(self, folder: Folder) -> None:
        folder.sweep.write_text(f"version: {results_folder.VERSION + 1}\nconfig: {{}}\n")
        with pytest.raises(ConfigError, match=r"written by a newer Caviar \(layout 2.*update"):
            results_folder.read_sweep(folder)


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


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("config", None),
        ("config", []),
        ("config", {"seed": "x"}),
        ("config", {"name": 7}),
        ("config", {"space": [1]}),
        ("config", {"search": "<script>"}),
        ("overrides", 7),
        ("overrides", "name=a"),
        ("overrides", [1]),
        ("choices", 7),
        ("git", "x"),
        ("versions", [1]),
        ("data", None),
    ],
)
def test_a_damaged_sweep_file_is_refused_in_one_line(
    folder: Folder, key: str, value: object
) -> None:
    results_folder.write_sweep(folder, {"name": "s"}, [], "data")
    content = yaml.safe_load(folder.sweep.read_text())
    folder.sweep.write_text(yaml.safe_dump({**content, key: value}))
    with pytest.raises(ConfigError, match=rf"sweep.yaml is damaged: its {key}") as refusal:
        results_folder.read_sweep(folder)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("key", ["config", "overrides", "data"])
def test_a_sweep_file_that_lacks_a_key_is_refused(folder: Folder, key: str) -> None:
    results_folder.write_sweep(folder, {"name": "s"}, [], "data")
    content = yaml.safe_load(folder.sweep.read_text())
    del content[key]
    folder.sweep.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=f"sweep.yaml is damaged: it has no {key}"):
        results_folder.read_sweep(folder)
